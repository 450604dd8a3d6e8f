import type { App } from "./route.ts";

export async function addOpenApi(_app: App, _config: object): Promise<void> {}
