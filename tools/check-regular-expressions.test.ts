import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkRegularExpressions } from "./check-regular-expressions.ts";
import type { Bounded } from "./regular-expressions/bounded.ts";

const CONFIG = {
  compilerOptions: { target: "es2024", module: "nodenext", allowImportingTsExtensions: true, noEmit: true, types: [] },
  include: ["**/*.ts"],
};

/** What the gate says of a small tree. */
async function judge(
  files: Readonly<Record<string, string>>,
  listed: readonly Bounded[] = [],
): Promise<readonly string[]> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "wharf-patterns-")));
  try {
    for (const [path, text] of Object.entries({ ...files, "tsconfig.json": JSON.stringify(CONFIG) })) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return await checkRegularExpressions(root, listed);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** One that takes quadratic time with blanks that nothing follows. */
const QUADRATIC = String.raw`/\s+$/`;

test("the gate refuses each pattern that takes more than linear time, wherever it comes from", async () => {
  const lines = [
    String.raw`export const exponential = /^(?:[ \t]*;[ \t]*(?:a=b)?)*[ \t]*$/;`,
    `export const quadratic = ${QUADRATIC};`,
    `import { TOKEN } from "./token.ts";`,
    `export const built = new RegExp(\`^(?:\${TOKEN}+)+$\`, "i");`,
    `export const joined = RegExp("(?:a|" + TOKEN + ")*$");`,
    String.raw`export const matched = (text: string) => text.match("\\s+$");`,
    `export const schema = { type: "string", pattern: "^(a+)+$" };`,
    "export const late = (text: string) => new RegExp(text);",
    "export const hidden = RegExp;",
  ];
  const says = await judge({
    "server/src/a.ts": lines.join("\n"),
    "server/src/token.ts": `export const TOKEN = "[a-z]";\n`,
  });
  const about = (line: number) => says.filter((text) => text.startsWith(`server/src/a.ts:${line} `)).join();
  assert.match(about(1), /takes exponential time/);
  assert.match(about(2), /takes 2nd degree polynomial time, for one with .*repeat.*: parse the text instead/);
  assert.match(about(4), /\/\^\(\?:\[a-z\]\+\)\+\$\/i takes exponential time/);
  assert.match(about(5), /takes exponential time/);
  assert.match(about(6), /takes 2nd degree/);
  assert.match(about(7), /takes exponential time/);
  assert.match(about(8), /builds a regular expression from what is known at run time only/);
  assert.match(about(9), /builds a regular expression/);
  assert.equal(says.length, 8, says.join("\n"));
});

test("the gate accepts linear patterns, listed ones within their bound, and tests", async () => {
  const listed = [{ path: "server/src/a.ts", pattern: QUADRATIC, chars: 255, because: "it is cut" }];
  const says = await judge(
    {
      "server/src/a.ts": [
        "export const linear = /^[a-z]+(?:, ?[a-z]+)*$/;",
        `export const short = ${QUADRATIC};`,
        "export const is = (value: unknown): value is RegExp => value instanceof RegExp;",
        "export const found = (index: { search(text: string): void }) => index.search(String.raw`(a+)+$`);",
      ].join("\n"),
      "server/src/a.test.ts": "export const exponential = /^(a+)+$/;\n",
    },
    listed,
  );
  assert.deepEqual(says, []);
});

test("the gate refuses a listed pattern that is gone, that became linear, or whose bound is too large", async () => {
  const entry = (path: string, pattern: string, chars: number) => ({ path, pattern, chars, because: "…" });
  const says = await judge({ "cli/a.ts": `export const a = ${QUADRATIC};\nexport const b = /^a+$/;\n` }, [
    entry("cli/a.ts", QUADRATIC, 20_000),
    entry("cli/a.ts", "/^a+$/", 10),
    entry("cli/gone.ts", QUADRATIC, 10),
  ]);
  assert.match(says[0] ?? "", /^cli\/a\.ts:1 .* takes (?:\d+|Infinity) ms with a text of 20000 characters/);
  assert.match(says[1] ?? "", /^cli\/a\.ts:2 .* takes linear time: take it off the list/);
  assert.match(says[2] ?? "", /^cli\/gone\.ts has no .* any more: take it off the list/);
  assert.equal(says.length, 3, says.join("\n"));
});
