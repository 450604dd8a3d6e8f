import { MultiBar, type Params } from "cli-progress";
import { type Io, printable } from "../io.ts";
import type { ProgressView } from "./watcher.ts";

/**
 * A moving bar for each file on a terminal, a line for each event elsewhere; both on stderr, so that stdout is the
 * result alone.
 */
export function createProgressView(io: Io): ProgressView {
  return io.stderr.isTerminal ? bars() : lines(io);
}

/** For `--json`: nothing but the document. */
export const silentView: ProgressView = {
  watchBytes: () => ({ size() {}, resumes() {}, at() {}, ended() {} }),
  watchIndexing: () => ({ stage() {}, ended() {} }),
  close() {},
};

function lines(io: Io): ProgressView {
  const say = (name: string, text: string) => io.stderr.write(`${printable(name)}: ${text}\n`);
  return {
    watchBytes(name) {
      let sizeBytes = 0;
      let isSent = false;
      return {
        size: (bytes) => {
          sizeBytes = bytes;
        },
        resumes: (bytes) => say(name, bytes === 0 ? `uploading ${amount(sizeBytes)}` : `going on at ${amount(bytes)}`),
        at: (bytes) => {
          if (bytes === sizeBytes && !isSent) say(name, "uploaded");
          isSent = bytes === sizeBytes;
        },
        ended: () => {},
      };
    },
    watchIndexing(name) {
      const said = new Set<string>();
      return {
        stage: (text) => {
          // Each once and without its numbers: a log is not a bar.
          const [words = ""] = text.split(/,? (?:place )?\d/, 1);
          if (!said.has(words)) say(name, words);
          said.add(words);
        },
        ended: () => {},
      };
    },
    close() {},
  };
}

/**
 * What has ended leaves: a folder of a thousand files must not scroll the terminal away, and the table at the end
 * has them all.
 */
function bars(): ProgressView {
  const multi = new MultiBar({
    stream: process.stderr,
    format: formatBar,
    hideCursor: true,
    clearOnComplete: true,
    // A signal is handled in one place, main.ts.
    gracefulExit: false,
    fps: 10,
  });
  return {
    watchBytes(name) {
      const bar = multi.create(1, 0, { name: printable(name), stage: "reading" });
      return {
        size: (bytes) => bar.setTotal(bytes),
        resumes: (bytes) => bar.update(bytes, { stage: "" }),
        at: (bytes) => bar.update(bytes),
        ended: () => void multi.remove(bar),
      };
    },
    watchIndexing(name, sizeBytes) {
      const bar = multi.create(sizeBytes, sizeBytes, { name: printable(name), stage: "waiting" });
      return {
        stage: (text) => bar.update({ stage: text }),
        ended: () => void multi.remove(bar),
      };
    },
    close: () => multi.stop(),
  };
}

const BAR_CHARS = 24;

function formatBar(_options: unknown, params: Params, payload: unknown): string {
  const { name, stage } = readPayload(payload);
  const share = params.total === 0 ? 1 : Math.min(1, params.value / params.total);
  const full = Math.round(share * BAR_CHARS);
  const bar = "█".repeat(full) + "░".repeat(BAR_CHARS - full);
  const tail = stage === "" ? `${amount(params.value)} of ${amount(params.total)}` : stage;
  return `${name.slice(0, 32).padEnd(32)} ${bar} ${tail}`;
}

function readPayload(payload: unknown): { readonly name: string; readonly stage: string } {
  const fields = typeof payload === "object" && payload !== null ? payload : {};
  return {
    name: "name" in fields ? String(fields.name) : "",
    stage: "stage" in fields ? String(fields.stage) : "",
  };
}

/** 25 MiB is "26.2 MB": decimal units, as file managers show them. */
function amount(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
