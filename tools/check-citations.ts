import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Comments, tests and pages cite the contract (`contract §12`, `PUT-19`), the byte end-point (`byte-endpoint §5`, rows
 * like `K5`), decisions and other pages. Each has to lead somewhere in this repository. Part of `npm run check`.
 *
 * A bare `§12` is the contract's. Returns `path:line sentence`.
 */
export async function checkCitations(root: string): Promise<readonly string[]> {
  const pages = await readPages(root);
  const faults: string[] = [];
  for await (const path of glob(CITING, { cwd: root })) {
    if (NOT_CITING.test(path)) continue;
    const lines = (await readFile(join(root, path), "utf8")).split("\n");
    for (const [index, line] of lines.entries())
      faults.push(...faultsIn(line, pages).map((say) => `${path}:${index + 1} ${say}.`));
  }
  return faults.sort();
}

const CITING = ["{server,cli,tools,bench,sdk,dashboard,examples}/**/*.{ts,tsx,mjs}", "docs/**/*.md", "*.md"];
/** This check's own examples. */
const NOT_CITING = /(?:^|\/)check-citations(?:\.test)?\.ts$/;

interface Pages {
  /** By the page's name: its text and the numbers of its sections. */
  readonly contract: Page;
  readonly endpoint: Page;
  readonly decisions: ReadonlySet<string>;
  readonly paths: ReadonlySet<string>;
}

interface Page {
  readonly path: string;
  readonly text: string;
  readonly sections: ReadonlySet<string>;
}

async function readPages(root: string): Promise<Pages> {
  const paths = new Set<string>();
  for await (const path of glob(["docs/**/*.md", "*.md"], { cwd: root })) paths.add(path.replaceAll("\\", "/"));
  const numbers = [...paths].flatMap((path) => /^docs\/decisions\/(\d{4})-/.exec(path)?.[1] ?? []);
  return {
    contract: await readPage(root, "docs/contract.md"),
    endpoint: await readPage(root, "docs/byte-endpoint.md"),
    decisions: new Set(numbers),
    paths,
  };
}

async function readPage(root: string, path: string): Promise<Page> {
  const text = await readFile(join(root, path), "utf8");
  return { path, text, sections: new Set([...text.matchAll(/^## (\d+)\. /gm)].flatMap(([, number]) => number ?? [])) };
}

function faultsIn(line: string, pages: Pages): readonly string[] {
  return [
    ...sectionFaults(line, pages),
    ...idFaults(line, pages),
    ...[...line.matchAll(/\bdecision (\d{4})\b/g)]
      .filter(([, number]) => !pages.decisions.has(number ?? ""))
      .map(([cited]) => `cites ${cited}, and there is none in docs/decisions/`),
    ...pageFaults(line, pages),
  ];
}

/** In comments, also by its name alone. Other text may name files of anybody's. */
function pageFaults(line: string, { paths }: Pages): readonly string[] {
  const isComment = /^\s*(?:\/\/|\/?\*)/.test(line);
  return [...line.matchAll(/(?<![\w/.-])[\w/-]+\.md\b/g)].flatMap(([name]) => {
    const isOurs = name.startsWith("docs/") || (isComment && !name.includes("/"));
    const isThere = paths.has(name) || (isComment && [...paths].some((path) => path.endsWith(`/${name}`)));
    return isOurs && !isThere ? [`cites ${name}, which is not there`] : [];
  });
}

function sectionFaults(line: string, { contract, endpoint }: Pages): readonly string[] {
  return [...line.matchAll(/§(\d+)/g)].flatMap(({ 0: cited, 1: number, index }) => {
    const before = line.slice(0, index);
    // The last page that is named before it; another standard's section is another's.
    const named = [...before.matchAll(/\bRFC \d+|byte-endpoint|contract|\bdesign\b/g)].at(-1)?.[0] ?? "contract";
    if (named.startsWith("RFC")) return [];
    if (named === "design") return [`cites ${cited} of a page that is not in this repository`];
    const page = named === "byte-endpoint" ? endpoint : contract;
    return page.sections.has(number ?? "") ? [] : [`cites ${cited}, which ${page.path} does not have`];
  });
}

const CONTRACT_ID = /\b(?:ALL|CRE|IDE|LIM|PUT|FIN|POL|BAT|BUC|FIL|CON|REP|EVT|HOK|DIA|REC|KEY|USE|LST|AGT)-\d{1,2}\b/g;

function idFaults(line: string, { contract, endpoint }: Pages): readonly string[] {
  const ids = [...line.matchAll(CONTRACT_ID)].map(([id]) => id);
  const unknown = ids.filter((id) => !isIn(contract, id));
  // Rows are too short to be told from other text where nothing says that they are rows.
  const rows = /\bbyte-endpoint\b.*?\brows? (.*)/.exec(line)?.[1] ?? "";
  const noRows = [...rows.matchAll(/\b[SPKQOXLAC]\d{1,2}\b/g)].map(([id]) => id).filter((id) => !isIn(endpoint, id));
  return [
    ...unknown.map((id) => `cites ${id}, which ${contract.path} does not have`),
    ...noRows.map((id) => `cites row ${id}, which ${endpoint.path} does not have`),
  ];
}

function isIn({ text }: Page, id: string): boolean {
  for (let at = text.indexOf(id); at >= 0; at = text.indexOf(id, at + 1))
    if (!/\d/.test(text.charAt(at + id.length))) return true;
  return false;
}

if (import.meta.main) {
  const faults = await checkCitations(join(import.meta.dirname, ".."));
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}
