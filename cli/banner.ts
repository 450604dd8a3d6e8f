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

/**
 * What `wharf serve` prints once it answers. The key stands on a line of its own, as a command to paste. On a terminal
 * the link is the last that is printed: the tour is longer than most windows, and the link's minute has begun.
 */
export function banner(started: Started): string {
  const where = whereItIs(started);
  const { firstKey, signIn } = started;
  if (firstKey === null) return `${where}\nMore keys: wharf keys create --team <team> --name <name>\n`;
  const first = firstSteps(started, firstKey);
  return signIn === null ? `${where}\n${first}` : `${first}\n${where}`;
}

function whereItIs({ url, dataDir, docs, signIn }: Started): string {
  return `Wharf is ready.

  Dashboard   ${signIn ?? `${url}/`}
              ${signIn === null ? `${LINK} prints a link that signs in.` : SIGN_IN_ONCE}
  API         ${url}/v1
${docs ? `  Reference   ${url}/docs\n` : ""}  Data        ${dataDir}
`;
}

function firstSteps({ url, firstKeyFile, signIn }: Started, { key, team }: NonNullable<Started["firstKey"]>): string {
  const { says, value } =
    firstKeyFile === null
      ? { says: `The key below belongs to the team "${team}" and is shown only now: keep it.`, value: key }
      : {
          says: `The key of the team "${team}" is in ${firstKeyFile}, which its owner alone can read.`,
          value: `"$(cat ${quoted(firstKeyFile)})"`,
        };
  const lines = signIn === null ? "everything from here on" : "the lines from export to echo 5";
  return `This is the first start. ${says}
Paste ${lines} into another terminal; it needs only curl, sed and sh.

export WHARF_API_KEY=${value}
${tour(url)}
`;
}

const LINK = "wharf dashboard link";
const SIGN_IN_ONCE = `This link signs one browser in, within a minute. ${LINK} prints another.`;

/** As one word of a shell. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
