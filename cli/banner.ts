import { tour } from "./tour.ts";

export interface Started {
  readonly url: string;
  readonly dataDir: string;
  /** Whether there is a reference to look at. */
  readonly docs: boolean;
  /** Only at the first start. */
  readonly firstKey: { readonly key: string; readonly team: string } | null;
  /** Where the first key is, instead of here. */
  readonly firstKeyFile: string | null;
  /** Signs a browser in to the dashboard, once and within a minute. Null: nobody looks. */
  readonly signIn: string | null;
}

/** What `wharf serve` prints once it answers. The key stands on a line of its own, as a command to paste. */
export function banner({ url, dataDir, docs, firstKey, firstKeyFile, signIn }: Started): string {
  const where = `Wharf is ready.

  Dashboard   ${signIn ?? `${url}/`}
              ${signIn === null ? "wharf dashboard link prints a link that signs in." : SIGN_IN_ONCE}
  API         ${url}/v1
${docs ? `  Reference   ${url}/docs\n` : ""}  Data        ${dataDir}
`;
  if (firstKey === null) return `${where}\nMore keys: wharf keys create --team <team> --name <name>\n`;
  const { says, value } =
    firstKeyFile === null
      ? {
          says: `The key below belongs to the team "${firstKey.team}" and is shown only now: keep it.`,
          value: firstKey.key,
        }
      : {
          says: `The key of the team "${firstKey.team}" is in ${firstKeyFile}, which its owner alone can read.`,
          value: `"$(cat ${quoted(firstKeyFile)})"`,
        };
  return `${where}
This is the first start. ${says}
Paste everything from here on into another terminal; it needs only curl, sed and sh.

export WHARF_API_KEY=${value}
${tour(url)}
`;
}

const SIGN_IN_ONCE = "This link signs one browser in, within a minute. wharf dashboard link prints another.";

/** As one word of a shell. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
