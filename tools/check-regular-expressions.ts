import { join } from "node:path";
import { isProduct } from "./product.ts";
import { BOUNDED, type Bounded } from "./regular-expressions/bounded.ts";
import { judgeAll } from "./regular-expressions/judge.ts";
import { type Found, findPatterns, type Pattern } from "./regular-expressions/patterns.ts";
import type { Verdict } from "./regular-expressions/verdict.ts";

/** What a pattern may take for the worst text within its bound: an answer within milliseconds. */
const AT_BOUND_MS = 50;

/**
 * Finds the regular expressions of the product that can take exponential or polynomial time, and are not listed with
 * the bound on their text. Part of `npm run check`. Returns `path:line sentence`.
 */
export async function checkRegularExpressions(
  root: string,
  listed: readonly Bounded[],
  isWanted: (path: string) => boolean = isProduct,
): Promise<readonly string[]> {
  const found = findPatterns(root, isWanted);
  const faults = found
    .filter(({ pattern }) => pattern === null)
    .map((place) => `${at(place)} builds a regular expression from what is known at run time only: parse the text.`);

  const questions = new Map<string, { readonly pattern: Pattern; readonly chars: number | null; places: Found[] }>();
  for (const place of found) {
    if (place.pattern === null) continue;
    const entry = listed.find(({ path, pattern }) => path === place.path && pattern === written(place.pattern));
    const key = `${written(place.pattern)} ${entry?.chars}`;
    const question = questions.get(key) ?? { pattern: place.pattern, chars: entry?.chars ?? null, places: [] };
    question.places.push(place);
    questions.set(key, question);
  }
  const asked = [...questions.values()];
  const verdicts = await judgeAll(asked.map(({ pattern, chars }) => ({ pattern, chars })));
  for (const [index, { places, chars }] of asked.entries()) {
    const fault = faultOf(verdicts[index], chars);
    if (fault !== null) faults.push(...places.map((place) => `${at(place)} ${written(place.pattern)} ${fault}`));
  }

  const gone = listed.filter(
    ({ path, pattern }) => !found.some((place) => place.path === path && written(place.pattern) === pattern),
  );
  return [...faults, ...gone.map(({ path, pattern }) => `${path} has no ${pattern} any more: take it off the list.`)];
}

function faultOf(verdict: Verdict | undefined, chars: number | null): string | null {
  switch (verdict?.kind) {
    case undefined:
      return "was not judged.";
    case "unknown":
      return `cannot be judged (${verdict.why}): parse the text instead.`;
    case "linear":
      return chars === null ? null : "takes linear time: take it off the list.";
    case "slow":
      if (verdict.atBoundMs === null)
        return `takes ${verdict.complexity} time, for one with ${verdict.attack}: parse the text instead.`;
      return verdict.atBoundMs > AT_BOUND_MS
        ? `takes ${Math.round(verdict.atBoundMs)} ms with a text of ${chars} characters, the bound that it is listed with.`
        : null;
  }
}

function written(pattern: Pattern | null): string {
  return pattern === null ? "" : `/${pattern.source}/${pattern.flags}`;
}

function at({ path, line }: Found): string {
  return `${path}:${line}`;
}

if (import.meta.main) {
  const faults = await checkRegularExpressions(join(import.meta.dirname, ".."), BOUNDED);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}
