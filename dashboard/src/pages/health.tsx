import { useEffect, useState } from "preact/hooks";
import { messageOf, wait } from "../api.ts";
import { type Json, numberOf, objectOf } from "../json.ts";
import { useApp } from "../parts/app-context.ts";
import { Badge, Heading, Notice } from "../parts/basics.tsx";
import { Chart, SAMPLE_SECONDS, SAMPLES } from "../parts/chart.tsx";
import { bytes, count, counted, duration, type Tone } from "../words.ts";

const EVERY_MS = SAMPLE_SECONDS * 1000;

interface Sample {
  readonly queued: number;
  readonly running: number;
  /** Of deleted files. */
  readonly removing: number;
  readonly usedPercent: number | null;
}

/** How the server does, every three seconds. */
export function Health() {
  const { api } = useApp();
  const [last, setLast] = useState<Json | null>(null);
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const look = async () => {
      while (!stop.signal.aborted) {
        try {
          const health = await api.json("GET", "dashboard/health", { signal: stop.signal });
          setLast(health);
          setSamples((old) => [...old, sampleOf(health)].slice(-SAMPLES));
          setError(null);
        } catch (reason) {
          if (stop.signal.aborted) return;
          setError(messageOf(reason));
          await api.back();
        }
        await wait(EVERY_MS, stop.signal);
      }
    };
    void look();
    return () => stop.abort();
  }, [api]);

  const now = samples.at(-1);
  return (
    <main id="main">
      <Heading>Health</Heading>
      {error === null ? null : <Notice tone="bad">{error}</Notice>}
      {last === null || now === undefined ? null : (
        <>
          <p>
            <Badge tone={last["ready"] === true ? "good" : "bad"}>
              {last["ready"] === true ? "Ready" : "Not ready"}
            </Badge>{" "}
            <span class="hint">up for {duration(numberOf(last, "uptime_seconds") ?? 0)}</span>
          </p>
          <div class="cards">
            <section class="card">
              <h2>Documents under way</h2>
              <p class="figure">{count(now.queued + now.running)}</p>
              <p class="hint">{queueInWords(now, numberOf(objectOf(last["queue"]), "counted_to"))}</p>
              <Chart
                values={samples.map(({ queued, running }) => queued + running)}
                label={`Documents of your team that wait or are being read: ${now.queued + now.running} now`}
              />
            </section>
            <section class="card">
              <h2>Disk</h2>
              <DiskFigures disk={objectOf(last["disk"])} />
              <Chart
                values={samples.map(({ usedPercent }) => usedPercent ?? 0)}
                most={100}
                unit=" %"
                label={`Disk in use: ${now.usedPercent ?? 0} %`}
              />
            </section>
            <Checks checks={objectOf(last["checks"])} />
          </div>
        </>
      )}
    </main>
  );
}

function sampleOf(health: Json): Sample {
  const [queue, disk] = [objectOf(health["queue"]), objectOf(health["disk"])];
  return {
    queued: numberOf(queue, "queued") ?? 0,
    running: numberOf(queue, "running") ?? 0,
    removing: numberOf(queue, "removing") ?? 0,
    usedPercent: numberOf(disk, "used_percent"),
  };
}

function queueInWords({ queued, running, removing }: Sample, countedTo: number | null): string {
  const more = countedTo !== null && queued + running + removing >= countedTo ? "; there are more" : "";
  const gone = removing === 0 ? "" : `; besides, ${counted(removing, "deleted file is", "deleted files are")} removed`;
  return `Of your team: ${count(queued)} waiting to be read, ${count(running)} being read${gone}${more}`;
}

function DiskFigures({ disk }: { readonly disk: Json }) {
  const used = numberOf(disk, "used_percent");
  const [free, total] = [numberOf(disk, "free_bytes"), numberOf(disk, "total_bytes")];
  const reserve = numberOf(disk, "reserve_bytes");
  if (disk["answers"] !== true) return <p class="why">The disk does not answer.</p>;
  return (
    <>
      <p class="figure">{used === null ? "no limit" : `${used} %`}</p>
      <p class="hint">
        {free === null || total === null ? "in use" : `in use; ${bytes(free)} of ${bytes(total)} are free`}
        {reserve === null ? "" : `, uploads stop at ${bytes(reserve)}`}
      </p>
    </>
  );
}

const CHECKS: Readonly<Record<string, string>> = {
  catalogue: "Catalogue",
  search_index: "Search index",
  originals: "Originals (scrubber)",
  extraction_sandbox: "Jail of the readers",
  write_ahead_log_bytes: "Write-ahead log",
};

function Checks({ checks }: { readonly checks: Json }) {
  return (
    <section class="card">
      <h2>Parts</h2>
      <dl class="parts">
        {Object.entries(checks).map(([name, value]) => (
          <div key={name}>
            <dt>{CHECKS[name] ?? name}</dt>
            <dd>
              <Badge tone={toneOf(name, String(value))}>
                {name === "write_ahead_log_bytes" ? bytes(Number(value)) : String(value)}
              </Badge>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function toneOf(name: string, value: string): Tone {
  if (name === "write_ahead_log_bytes" || value === "ok" || value === "full") return "good";
  return name === "extraction_sandbox" || value.includes("damaged") ? "bad" : "busy";
}
