import type { Api } from "../support/api.ts";
import { numberAt } from "../support/json.ts";
import { requestHead } from "../support/raw.ts";
import { Crowd } from "./crowd.ts";

/** What a stranger, or one team of many, may do to slow the others. */
export interface Attack {
  readonly name: AttackName;
  /** For the report. */
  readonly what: string;
  /** Makes what the attack needs, while nothing is measured yet. `api`: the attacker's own team. */
  prepare(api: Api, size: AttackSize): Promise<Assault>;
}

export const ATTACK_NAMES = ["pipelining", "downloads", "polls", "searches", "bodies", "idle"] as const;
export type AttackName = (typeof ATTACK_NAMES)[number];

/** The short form of the tests opens fewer connections than the long one. */
export interface AttackSize {
  /** Of the attacks that take as many as there are. */
  readonly connections: number;
  /** Text that the attacker's searches go through. */
  readonly corpusBytes: number;
}

export interface Assault {
  /** Resolves when the attack has reached its level. */
  begin(): Promise<void>;
  /** Everything is closed. Says what the attacker got, for the report. */
  end(): Promise<string>;
}

const FILES = "/v1/knowledge/files";
const BIG_FILE_BYTES = 16 * 1024 * 1024;
const PIPELINES = 30;
const PIPELINED = 1500;
const UNREAD_DOWNLOADS = 220;
const PIPELINED_POLLS = 20_000;
const SEARCHES_PER_SECOND = 300;
const TICK_MS = 10;
/** As long as a query may be. */
const LONG_QUERY_WORDS = 240;
/** An attacker does not wait for his answers. */
const ABANDON_MS = 1000;
const SLOW_BODIES = 1000;
/** Above the least rate of PUT-19, so that these are never cut for their slowness. */
const SLOW_PIECE_BYTES = 600;

export const ATTACKS: Readonly<Record<AttackName, Attack>> = {
  pipelining: {
    name: "pipelining",
    what: `${PIPELINES} connections without a key ask for ${PIPELINED} large answers each and read none; cut, they come again`,
    prepare: async (api) => {
      const crowd = new Crowd(api.base);
      const paths = ["/openapi.json", "/docs/static/swagger-ui-bundle.js"];
      const open = (index: number) => {
        const head = requestHead("GET", `${api.base}${paths[index % paths.length]}`, []);
        crowd.open({ say: head.repeat(PIPELINED), reads: false, again: () => open(index) });
      };
      return { begin: () => crowd.many(PIPELINES, open), end: () => crowd.end() };
    },
  },
  downloads: {
    name: "downloads",
    what: `${UNREAD_DOWNLOADS} downloads on connections of their own and as many on one, none of them read`,
    prepare: async (api) => {
      const fileId = await api.upload(Buffer.alloc(BIG_FILE_BYTES, "a b\n"), { filename: "big.bin" });
      await api.settled(fileId);
      const head = requestHead("GET", `${api.base}${FILES}/${fileId}/content`, [keyOf(api)]);
      const crowd = new Crowd(api.base);
      const open = (index: number) => {
        const say = index === 0 ? head.repeat(UNREAD_DOWNLOADS) : head;
        crowd.open({ say, reads: false, again: () => open(index) });
      };
      return { begin: () => crowd.many(UNREAD_DOWNLOADS + 1, open), end: () => crowd.end() };
    },
  },
  polls: {
    name: "polls",
    what: `a held poll on each connection that can be had, and ${PIPELINED_POLLS} on one`,
    prepare: async (api, { connections }) => {
      const fileId = await api.indexed("a file that never changes");
      const etag = (await api.file(fileId)).headers["etag"] ?? "";
      const target = `${api.base}${FILES}/${fileId}?wait=60`;
      const head = requestHead("GET", target, [keyOf(api), `If-None-Match: ${etag}`]);
      const crowd = new Crowd(api.base);
      const open = (index: number) => {
        const say = index === 0 ? head.repeat(PIPELINED_POLLS) : head;
        crowd.open({ say, reads: true, again: () => open(index) });
      };
      return { begin: () => crowd.many(connections, open), end: () => crowd.end() };
    },
  },
  searches: {
    name: "searches",
    what: `${SEARCHES_PER_SECOND} long searches a second by one team, each abandoned after ${ABANDON_MS} ms`,
    prepare: async (api, { corpusBytes }) => {
      const word = await fillCorpus(api, corpusBytes);
      const body = JSON.stringify({ query: `${word} `.repeat(LONG_QUERY_WORDS).trim(), limit: 100 });
      const head = requestHead("POST", `${api.base}/v1/knowledge/search`, [
        keyOf(api),
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
      ]);
      const crowd = new Crowd(api.base);
      let timer: NodeJS.Timeout | undefined;
      return {
        begin: async () => {
          crowd.begin();
          timer = setInterval(() => {
            for (let sent = 0; sent < (SEARCHES_PER_SECOND * TICK_MS) / 1000; sent++)
              crowd.open({ say: head + body, reads: true, endMs: ABANDON_MS });
          }, TICK_MS);
        },
        end: async () => {
          clearInterval(timer);
          return crowd.end();
        },
      };
    },
  },
  bodies: {
    name: "bodies",
    what: `${SLOW_BODIES} connections send bodies slowly: uploads just above the least rate, JSON a byte a second`,
    prepare: async (api, { connections }) => {
      const count = Math.min(SLOW_BODIES, connections);
      const sessions = await Promise.all(Array.from({ length: count / 2 }, () => api.create(BIG_FILE_BYTES)));
      const crowd = new Crowd(api.base);
      const open = (index: number) => {
        const session = index % 2 === 0 ? sessions[index / 2] : undefined;
        const again = () => open(index);
        if (session === undefined) {
          const headers = [keyOf(api), "Content-Type: application/json", "Content-Length: 60000"];
          const say = `${requestHead("POST", `${api.base}/v1/knowledge/search`, headers)}{`;
          crowd.open({ say, reads: true, again, drip: " " });
        } else {
          const say = requestHead("PUT", session.url, [`Content-Length: ${BIG_FILE_BYTES}`]);
          crowd.open({ say, reads: true, again, drip: "a".repeat(SLOW_PIECE_BYTES) });
        }
      };
      return { begin: () => crowd.many(count, open), end: () => crowd.end() };
    },
  },
  idle: {
    name: "idle",
    what: "every connection that can be had: without a byte, with half a head, or kept after one request",
    prepare: async (api, { connections }) => {
      const whole = requestHead("GET", `${api.base}/healthz`, []);
      const starts = ["", whole.slice(0, -4), whole];
      const crowd = new Crowd(api.base);
      const open = (index: number) => {
        crowd.open({ say: starts[index % starts.length] ?? "", reads: true, again: () => open(index) });
      };
      return { begin: () => crowd.many(connections, open), end: () => crowd.end() };
    },
  },
};

function keyOf(api: Api): string {
  return `Authorization: Bearer ${api.key}`;
}

/**
 * Files of few words, so that each word stands in every chunk: what is dear to search for. Returns one of the words.
 */
async function fillCorpus(api: Api, corpusBytes: number): Promise<string> {
  const word = "harbour";
  const words = [word, "pilot", "lighthouse", "anchor", "ballast", "keel", "rudder", "mast"];
  const fileBytes = Math.min(corpusBytes, 512 * 1024);
  const ids: string[] = [];
  for (let made = 0; made * fileBytes < corpusBytes; made++) {
    // No two chunks alike: equal ones would collapse into one result.
    const lines = Array.from({ length: fileBytes / 64 }, (_, line) => {
      const turned = words.map((_, at) => words[(at + line) % words.length]);
      return `${turned.join(" ")} ${made}x${line}`.padEnd(63);
    });
    ids.push(await api.upload(Buffer.from(`${lines.join("\n")}\n`), { filename: `${made}.txt` }));
  }
  for (const id of ids) await api.settled(id);
  const { json } = await api.search({ query: word, limit: 1 });
  if (numberAt(json, "searched", "chunks") === 0) throw new Error("the attacker's corpus was not indexed");
  return word;
}

export function attackName(value: unknown): AttackName {
  const name = ATTACK_NAMES.find((known) => known === value);
  if (name === undefined) throw new Error(`no attack is called ${String(value)}; there are ${ATTACK_NAMES.join(", ")}`);
  return name;
}
