import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { apiRoutes, apiTypes } from "./client-types/api-types.ts";
import { jsonOf } from "./client-types/schema-type.ts";
import { keepGenerated } from "./generated-file.ts";

/** The client library's types and routes, from openapi.json as it lies in the repository (decision 0047). */
if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const document = jsonOf(JSON.parse(await readFile(join(root, "openapi.json"), "utf8")));
  const folder = join(root, "sdk/src/generated");
  const check = process.argv.includes("--check");
  await keepGenerated(join(folder, "types.ts"), () => apiTypes(document), check);
  await keepGenerated(join(folder, "routes.ts"), () => apiRoutes(document), check);
}
