import { countingIds, type Outcome, outcomeOf } from "./outcome.ts";
import type { CatalogueUnderTest, Rivals } from "./under-test.ts";

/** `first beside second`: two rivals at once, the first of them one step ahead. */
export type Pair = `${string} beside ${string}`;

/** Each with each and with itself; in one of the two orders, or, which takes twice as long, in both. */
export async function pairsOf(rivals: Rivals, on: CatalogueUnderTest, both: boolean): Promise<readonly Pair[]> {
  await on.empty();
  const names = Object.keys(await rivals.prepare(on));
  const { about = names } = rivals;
  return names.flatMap((first, i) =>
    names.flatMap((second, j): Pair[] => {
      const isAhead = both || i === j || i < j === ((i + j) % 2 === 0);
      return isAhead && (about.includes(first) || about.includes(second)) ? [`${first} beside ${second}`] : [];
    }),
  );
}

/**
 * Null when the pair came to what one after the other comes to, in one of the two orders, on the serial catalogue: the
 * same answers and the same rows. Else how it differs.
 */
export async function judge(
  rivals: Rivals,
  pair: string,
  on: CatalogueUnderTest,
  serial: CatalogueUnderTest,
): Promise<string | null> {
  const outcome = await run(rivals, pair, on, "together");
  const [inOrder, reversed] = [
    await run(rivals, pair, serial, "in order"),
    await run(rivals, pair, serial, "reversed"),
  ];
  if (outcome === inOrder || outcome === reversed) return null;
  return `${pair}: ${difference(outcome, inOrder)}\nand the other way round: ${difference(outcome, reversed)}`;
}

type Way = "together" | "in order" | "reversed";

async function run(rivals: Rivals, pair: string, catalogue: CatalogueUnderTest, way: Way): Promise<Outcome> {
  await catalogue.empty();
  const on = { ...catalogue, ids: countingIds() };
  const make = await rivals.prepare(on);
  const [one, two] = pair.split(" beside ").map((name) => make[name]?.());
  if (one === undefined || two === undefined) throw new Error(`there is no pair ${pair}`);
  if (way !== "reversed") return outcomeOf(on, await on.together([[one], [two]]));
  return outcomeOf(on, (await on.together([[two], [one]])).toReversed());
}

/** The lines that only one of them has. */
function difference(is: Outcome, mayBe: Outcome): string {
  const only = (of: Outcome, not: Outcome) => of.split("\n").filter((line) => !not.split("\n").includes(line));
  return [...only(is, mayBe).map((line) => `is ${line}`), ...only(mayBe, is).map((line) => `may be ${line}`)].join(
    "\n",
  );
}
