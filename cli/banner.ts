import { tour } from "./tour.ts";

export interface Started {
  readonly url: string;
  readonly dataDir: string;
  /** Whether there is a reference to look at. */
  readonly docs: boolean;
  /** Only at the first start. */
  readonly firstKey: { readonly key: string; readonly team: string } | null;
}

/** What `wharf serve` prints once it answers. The key stands on a line of its own, as a command to paste (design §5). */
export function banner({ url, dataDir, docs, firstKey }: Started): string {
  const where = `Wharf is ready.

  API         ${url}/v1
${docs ? `  Reference   ${url}/docs\n` : ""}  Data        ${dataDir}
`;
  if (firstKey === null) return `${where}\nMore keys: wharf keys create --team <team> --name <name>\n`;
  return `${where}
This is the first start. The key below belongs to the team "${firstKey.team}" and is shown only now: keep it.
Paste everything from here on into another terminal; it needs only curl, sed and sh.

export WHARF_API_KEY=${firstKey.key}
${tour(url)}
`;
}
