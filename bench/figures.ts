/**
 * A line of the result. A **figure** is what Wharf does; its **floor** what a bare program does for the same duty, on
 * the same machine in the same run. Absolute figures change with the machine, their ratio hardly: targets are ratios
 * wherever a floor makes sense.
 */
export interface Row {
  readonly what: string;
  readonly target: string;
  readonly figure: number;
  readonly unit: string;
  readonly floor: number | null;
  /** Figure by floor; null without a floor. */
  readonly ratio: number | null;
  /** null: told for information, no target. */
  readonly holds: boolean | null;
  readonly note: string;
}

/** What a row must reach: `atMost` or `atLeast`, of the figure itself or of its ratio to the floor. */
export type Target =
  | { readonly of: "figure" | "ratio"; readonly atMost: number }
  | { readonly of: "figure" | "ratio"; readonly atLeast: number };

export interface Measured {
  readonly what: string;
  readonly unit: string;
  readonly figure: number;
  readonly floor?: number;
  readonly target?: Target;
  readonly note?: string;
}

/** The line with its verdict. */
export function row({ what, unit, figure, floor, target, note }: Measured): Row {
  const ratio = floor === undefined ? null : figure / floor;
  const judged = target?.of === "ratio" ? ratio : figure;
  return {
    what,
    target: target === undefined ? "" : spelled(target, unit),
    figure,
    unit,
    floor: floor ?? null,
    ratio,
    holds: target === undefined || judged === null ? null : meets(target, judged),
    note: note ?? "",
  };
}

function meets(target: Target, value: number): boolean {
  return "atMost" in target ? value <= target.atMost : value >= target.atLeast;
}

function spelled(target: Target, unit: string): string {
  const bound = "atMost" in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
  return target.of === "ratio" ? `${bound} × floor` : `${bound} ${unit}`.trim();
}

/** The middle value; of an even count the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  return (percentile(values, 50, "lower") + percentile(values, 50, "upper")) / 2;
}

/** The value that `percent` of all are not above (nearest rank). NaN of none. */
export function percentile(values: readonly number[], percent: number, middle: "lower" | "upper" = "lower"): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (percent / 100) * sorted.length;
  const index = middle === "upper" ? Math.floor(rank) : Math.ceil(rank) - 1;
  return sorted[Math.min(sorted.length - 1, Math.max(0, index))] ?? Number.NaN;
}

/** Runs the measurement `rounds` times, one after another, and gives the median of each member. */
export async function medians<K extends string>(
  rounds: number,
  measure: (round: number) => Promise<Readonly<Record<K, number>>>,
): Promise<ReadonlyMap<K, number>> {
  const seen = new Map<K, number[]>();
  for (let round = 0; round < rounds; round++) {
    const figures = await measure(round);
    for (const name of keysOf(figures)) seen.set(name, [...(seen.get(name) ?? []), figures[name]]);
  }
  return new Map([...seen].map(([name, values]) => [name, median(values)]));
}

function keysOf<K extends string>(record: Readonly<Record<K, number>>): readonly K[] {
  const keys: K[] = [];
  for (const key in record) keys.push(key);
  return keys;
}
