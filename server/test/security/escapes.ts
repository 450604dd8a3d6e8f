import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Range } from "../../src/extraction/fixtures/attacks/range.ts";
import { ENVIRONMENTS, type Environment } from "../../src/extraction/fixtures/environments.ts";
import { APP_ROOT } from "../../src/extraction/sandbox.ts";
import { AttackedServer } from "./attacked-server.ts";
import { ESCAPES } from "./escape-attacks.ts";
import { patchedTree } from "./patched-tree.ts";

/**
 * What a reader that was taken over gets through a real server's API, as the last table of docs/security.md: this
 * checkout, and beside it one of an earlier version with its packages (`npm ci` in it), in each environment that people
 * run a server in. As root: the others are made from there.
 *
 *     node server/test/security/escapes.ts [--earlier <checkout>] [--in <environment>]
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { earlier: { type: "string" }, in: { type: "string" } } });
  const environments = ENVIRONMENTS.filter(
    ({ name, unavailable }) => unavailable === null && (values.in === undefined || name === values.in),
  );
  const folder = mkdtempSync(join(tmpdir(), "wharf-escapes-"));
  chmodSync(folder, 0o755);
  try {
    const versions = [
      ...(values.earlier === undefined
        ? []
        : [{ name: "before", tree: patchedTree(values.earlier, join(folder, "before")) }]),
      { name: "now", tree: patchedTree(APP_ROOT, join(folder, "now")) },
    ];
    const columns: { readonly head: string; readonly cells: readonly string[] }[] = [];
    // One after another: an attack takes what memory and disk it gets.
    for (const { name, tree } of versions)
      for (const environment of environments) {
        process.stderr.write(`${name}: ${environment.name}\n`);
        columns.push({ head: `${name}: ${environment.name}`, cells: await attacked(tree, environment) });
      }
    print(columns);
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 10 });
  }
}

/** What each attack got, on a server and a data folder of its own. */
async function attacked(tree: string, environment: Environment): Promise<readonly string[]> {
  const cells: string[] = [];
  for (const { run } of ESCAPES) {
    const range = await Range.open(environment);
    const folder = mkdtempSync(join(tmpdir(), "wharf-escape-"));
    chmodSync(folder, 0o755);
    try {
      const server = await AttackedServer.start(tree, environment, folder);
      try {
        cells.push(await run(server, range));
      } finally {
        await server.close();
      }
    } catch (error) {
      cells.push(`not seen: ${String(error).slice(0, 200)}`);
    } finally {
      await range.close();
      rmSync(folder, { recursive: true, maxRetries: 10 });
    }
    process.stderr.write(`  ${ESCAPES[cells.length - 1]?.what}: ${cells.at(-1)}\n`);
  }
  return cells;
}

function print(columns: readonly { readonly head: string; readonly cells: readonly string[] }[]): void {
  const line = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
  line(["attack", ...columns.map(({ head }) => head)]);
  line(["---", ...columns.map(() => "---")]);
  for (const [index, { what }] of ESCAPES.entries()) line([what, ...columns.map(({ cells }) => cells[index] ?? "")]);
  for (const { name, unavailable } of ENVIRONMENTS)
    if (unavailable !== null) process.stdout.write(`\nNot looked at: ${name} (${unavailable}).\n`);
}

await main();
