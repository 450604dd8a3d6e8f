import { count, duration } from "../words.ts";

/** A line of the last minutes, with what it says in words: a drawing alone tells a screen reader nothing. */
export function Chart({
  values,
  label,
  most,
  unit = "",
}: {
  readonly values: readonly number[];
  readonly label: string;
  /** The top of the drawing; default: the largest value. */
  readonly most?: number;
  readonly unit?: string;
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
    <figure class="chart">
      <svg viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`} role="img" aria-label={label} preserveAspectRatio="none">
        <line x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
        <polyline points={points.join(" ")} />
      </svg>
      <figcaption class="hint" aria-hidden="true">
        <span>{inWords(values.length)}</span>
        <span>at most {count(Math.max(0, ...values)) + unit}</span>
      </figcaption>
    </figure>
  );
}

function inWords(samples: number): string {
  const seconds = (samples - 1) * SAMPLE_SECONDS;
  return seconds < SAMPLE_SECONDS ? "now" : `the last ${duration(seconds)}`;
}

/** One every three seconds: five minutes. */
export const SAMPLES = 100;
export const SAMPLE_SECONDS = 3;
const WIDTH = 300;
const HEIGHT = 48;
