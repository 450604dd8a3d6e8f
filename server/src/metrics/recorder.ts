import {
  COUNTERS,
  type CounterName,
  type Gauge,
  HISTOGRAMS,
  type HistogramName,
  type Labels,
  type Metrics,
} from "./metrics.ts";

/**
 * Keeps what was counted, and writes it in Prometheus's text format 0.0.4. Our own, not a library: two kinds of
 * figure and one format of three lines; what the usual one adds (registries, default metrics, push gateways,
 * clusters) is not used here.
 */
export class MetricsRecorder implements Metrics {
  readonly #counters = new Map<CounterName, Map<string, number>>();
  readonly #histograms = new Map<HistogramName, Map<string, Distribution>>();

  count(name: CounterName, labels: Labels = {}, by = 1): void {
    const series = ofName(this.#counters, name);
    const key = labelText(labels);
    if (series.has(key) || series.size < MAX_SERIES) series.set(key, (series.get(key) ?? 0) + by);
  }

  observe(name: HistogramName, value: number, labels: Labels = {}): void {
    const series = ofName(this.#histograms, name);
    const key = labelText(labels);
    let distribution = series.get(key);
    if (distribution === undefined) {
      if (series.size >= MAX_SERIES) return;
      distribution = { buckets: HISTOGRAMS[name].bounds.map(() => 0), sum: 0, count: 0 };
      series.set(key, distribution);
    }
    const at = HISTOGRAMS[name].bounds.findIndex((bound) => value <= bound);
    if (at >= 0) distribution.buckets[at] = (distribution.buckets[at] ?? 0) + 1;
    distribution.sum += value;
    distribution.count += 1;
  }

  /**
   * Everything, with the gauges that were read for this answer. Counters without a label are there from the
   * start, as 0.
   */
  expose(gauges: readonly Gauge[]): string {
    const lines: string[] = [];
    for (const name of namesOf(COUNTERS)) {
      lines.push(...head(name, COUNTERS[name], "counter"));
      const series = this.#counters.get(name) ?? new Map<string, number>(LABELLED.has(name) ? [] : [["", 0]]);
      for (const [labels, value] of series) lines.push(sample(name, labels, value));
    }
    for (const name of namesOf(HISTOGRAMS)) {
      lines.push(...head(name, HISTOGRAMS[name].say, "histogram"));
      for (const [labels, distribution] of this.#histograms.get(name) ?? [])
        lines.push(...distributionLines(name, labels, distribution));
    }
    for (const { name, say, samples } of gauges) {
      lines.push(...head(name, say, "gauge"));
      for (const { labels = {}, value } of samples) lines.push(sample(name, labelText(labels), value));
    }
    return `${lines.join("\n")}\n`;
  }
}

/** Series of one name: labels are bounded by what we pass in, and this is the fence if one day they are not. */
const MAX_SERIES = 1000;

const LABELLED: ReadonlySet<CounterName> = new Set([
  "wharf_sessions_ended_total",
  "wharf_catalogue_operations_total",
  "wharf_tasks_total",
  "wharf_extraction_deaths_total",
  "wharf_places_refused_total",
]);

interface Distribution {
  /** Observations in each bound's own interval; they are added up when written. */
  readonly buckets: number[];
  sum: number;
  count: number;
}

function distributionLines(name: HistogramName, labels: string, { buckets, sum, count }: Distribution): string[] {
  let upTo = 0;
  const lines = HISTOGRAMS[name].bounds.map((bound, at) => {
    upTo += buckets[at] ?? 0;
    return sample(`${name}_bucket`, joined(labels, `le="${bound}"`), upTo);
  });
  lines.push(sample(`${name}_bucket`, joined(labels, 'le="+Inf"'), count));
  lines.push(sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count));
  return lines;
}

function head(name: string, say: string, type: string): readonly string[] {
  return [`# HELP ${name} ${say}`, `# TYPE ${name} ${type}`];
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${value}`;
}

/** Some twenty times for each small file: without a list, and without a copy of what needs no escape. */
function labelText(labels: Labels): string {
  let text = "";
  for (const name in labels) {
    const value = labels[name] ?? "";
    text += `${text === "" ? "" : ","}${name}="${/[\\"\n]/.test(value) ? escaped(value) : value}"`;
  }
  return text;
}

function escaped(value: string): string {
  return value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}

function joined(labels: string, more: string): string {
  return labels === "" ? more : `${labels},${more}`;
}

function ofName<Name, Value>(all: Map<Name, Map<string, Value>>, name: Name): Map<string, Value> {
  const known = all.get(name);
  if (known !== undefined) return known;
  const made = new Map<string, Value>();
  all.set(name, made);
  return made;
}

function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table).filter((name): name is Name => name in table);
}
