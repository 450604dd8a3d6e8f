import { readFile, writeFile } from "node:fs/promises";
import { relative } from "node:path";

/**
 * Writes the file as `make` wants it, given what stands there now; with `check` it only compares, says so in one sentence and sets exit code
 * 1 when they differ.
 */
export async function keepGenerated(path: string, make: (current: string) => string, check: boolean): Promise<void> {
  const current = await readFile(path, "utf8").catch(() => "");
  const wanted = make(current);
  if (wanted === current) return;
  if (!check) return writeFile(path, wanted);
  console.error(
    `${relative(process.cwd(), path)} is not what it is generated from: run npm run generate and commit it.`,
  );
  process.exitCode = 1;
}

/**
 * The text with what stands between `<!-- name -->` and `<!-- /name -->` replaced. A page without the marks is left as it is.
 */
export function replaceBetween(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(open);
  const to = text.indexOf(close, from);
  return from < 0 || to < 0 ? text : `${text.slice(0, from + open.length)}\n\n${content}\n\n${text.slice(to)}`;
}
