import { PROBES, type Probe } from "../../src/extraction/fixtures/attacks/probes.ts";
import { type Probed, probeFrom } from "../../src/extraction/fixtures/attacks/probing.ts";
import { Range } from "../../src/extraction/fixtures/attacks/range.ts";
import { ENVIRONMENTS, type Environment } from "../../src/extraction/fixtures/environments.ts";
import type { Variant } from "../../src/extraction/fixtures/jail-variants.ts";

/**
 * `node server/test/faults/jail.ts`: what a reader that was taken over reaches, in each environment that people run a
 * server in, as the tables of docs/security.md. Run it as root: the others are made from there. Environments that this
 * machine cannot make are named.
 */
const TABLES: readonly (readonly [title: string, variant: Variant])[] = [
  ["No jail (the control: every attack works)", "bare"],
  ["The jail", "product"],
  ["The jail when code has left JavaScript, so that Node's own rules are gone", "walls"],
];

async function table(title: string, variant: Variant): Promise<string> {
  const columns = await Promise.all(
    ENVIRONMENTS.filter(({ unavailable }) => unavailable === null).map(async (environment) => ({
      environment,
      probed: await probe(environment, variant),
    })),
  );
  const rows = [...new Set(Object.values(PROBES).map(({ what }) => what))].map((what) => [
    `${what} (${namesOf(what).length} ways)`,
    ...columns.map(({ probed }) => reached(probed, namesOf(what))),
  ]);
  const strengths = ["strength", ...columns.map(({ probed }) => `**${probed.isolation.strength}**`)];
  const head = ["what it reaches for", ...columns.map(({ environment }) => environment.name)];
  return [`### ${title}`, "", ...[head, head.map(() => "---"), strengths, ...rows].map(row)].join("\n");
}

async function probe(environment: Environment, variant: Variant): Promise<Probed> {
  const range = await Range.open(environment);
  try {
    return await probeFrom(environment, range, variant);
  } finally {
    await range.close();
  }
}

function namesOf(what: Probe["what"]): readonly string[] {
  return Object.keys(PROBES).filter((name) => PROBES[name]?.what === what);
}

function reached({ outcomes }: Probed, names: readonly string[]): string {
  const got = names.filter((name) => outcomes.get(name)?.startsWith("got: "));
  if (got.length === 0) return "nothing";
  return got.length === names.length ? "everything" : got.join(", ");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

for (const [title, variant] of TABLES) process.stdout.write(`${await table(title, variant)}\n\n`);
for (const { name, unavailable } of ENVIRONMENTS)
  if (unavailable !== null) process.stdout.write(`Not looked at: ${name} (${unavailable}).\n`);
