import { http } from "../support/http.ts";

export interface Delay {
  /** The worst of all windows: what a user who came at the worst moment met. */
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** `/metrics` keeps its figures for 5 s, and each reading covers the time since the one before. */
const WINDOW_MS = 5500;

/** Reads a server's event-loop delay window by window. */
export class LoopDelay {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  #p99Ms = 0;
  #maxMs = 0;

  private constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => void this.#read().catch(() => undefined), WINDOW_MS);
  }

  /** What was before is left out. */
  static async start(url: string): Promise<LoopDelay> {
    await scrape(url);
    return new LoopDelay(url);
  }

  async stop(): Promise<Delay> {
    clearInterval(this.#timer);
    await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
    await this.#read();
    return { p99Ms: Math.round(this.#p99Ms), maxMs: Math.round(this.#maxMs) };
  }

  async #read(): Promise<void> {
    const text = await scrape(this.#url);
    this.#p99Ms = Math.max(this.#p99Ms, quantileMs(text, "0.99"));
    this.#maxMs = Math.max(this.#maxMs, quantileMs(text, "1"));
  }
}

async function scrape(url: string): Promise<string> {
  const { status, text } = await http(`${url}/metrics`);
  if (status !== 200) throw new Error(`/metrics answers ${status}`);
  return text;
}

function quantileMs(text: string, quantile: string): number {
  const line = text
    .split("\n")
    .find((one) => one.startsWith(`wharf_event_loop_delay_seconds{quantile="${quantile}"} `));
  if (line === undefined) throw new Error("/metrics has no event-loop delay");
  return Number(line.slice(line.lastIndexOf(" "))) * 1000;
}
