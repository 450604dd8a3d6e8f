/** A line of the last minutes, with what it says in words: a drawing alone tells a screen reader nothing. */
export function Chart({
  values,
  label,
  most,
}: {
  readonly values: readonly number[];
  readonly label: string;
  /** The top of the drawing; default: the largest value. */
  readonly most?: number;
}) {
  const top = Math.max(most ?? 0, ...values, 1);
  const step = WIDTH / Math.max(SAMPLES - 1, 1);
  // One sample is a line already.
  const drawn = values.length === 1 ? [...values, ...values] : values;
  const from = SAMPLES - drawn.length;
  const points = drawn.map(
    (value, i) => `${((from + i) * step).toFixed(1)},${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`,
  );
  return (
    <svg class="chart" viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`} role="img" aria-label={label} preserveAspectRatio="none">
      <polyline points={points.join(" ")} />
    </svg>
  );
}

/** One every three seconds: five minutes. */
export const SAMPLES = 100;
const WIDTH = 300;
const HEIGHT = 48;
