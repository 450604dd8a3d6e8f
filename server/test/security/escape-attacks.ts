import { setTimeout as wait } from "node:timers/promises";
import { PROBES } from "../../src/extraction/fixtures/attacks/probes.ts";
import type { Range } from "../../src/extraction/fixtures/attacks/range.ts";
import { FORGED_KEY } from "../../src/extraction/fixtures/attacks/server-attacks.ts";
import { type Api, FILES } from "../support/api.ts";
import { at, listAt, numberAt, textAt } from "../support/json.ts";
import type { AttackedServer } from "./attacked-server.ts";

/** An attack over HTTP, with what it got in a few words. */
export interface Escape {
  readonly what: string;
  readonly run: (server: AttackedServer, range: Range) => Promise<string>;
}

export const ESCAPES: readonly Escape[] = [
  { what: `reaches for things in ${Object.keys(PROBES).length} ways`, run: reach },
  { what: "writes itself an API key through `node:sqlite`", run: forgeKey },
  { what: "kills the server, and its other readers", run: kill },
  { what: "keeps documents and gives them to another team", run: persist },
  { what: "answers what is no JSON", run: (server) => said(server, "no JSON") },
  { what: "sends passages without end", run: (server) => said(server, "chunks without end") },
  { what: "sends text without end", run: (server) => said(server, "text without end") },
  {
    what: "a fault of megabytes",
    run: (server) => said(server, "a fault of megabytes in the words of its old protocol"),
  },
  { what: "labels of megabytes", run: (server) => said(server, "labels of megabytes") },
];

/** Attacks that do not end by themselves are looked at for so long. */
const WATCHED_MS = 20_000;
const LOOK_EVERY_MS = 250;
const KILLED_WITHIN_MS = 5000;

/** By kind, how many of the probes got something. */
async function reach({ evil }: AttackedServer, { targets }: Range): Promise<string> {
  const got: string[] = [];
  const ending = Object.keys(PROBES).filter((name) => PROBES[name]?.ending);
  for (const filename of ["probe", ...ending])
    for (const { label, text } of await pagesOf(evil, filename, JSON.stringify(targets)))
      if (text.startsWith("got: ")) got.push(label);
  const kinds = Object.groupBy(got, (name) => PROBES[name]?.what ?? "");
  const counts = Object.entries(kinds).map(([kind, names = []]) => `${kind} ${names.length}`);
  return counts.length === 0 ? "nothing" : `**${counts.join(", ")}**`;
}

async function forgeKey(server: AttackedServer): Promise<string> {
  await pagesOf(server.evil, "forge a key", server.catalogue);
  const { status } = await server.asKey(FORGED_KEY).get("/v1/connection");
  return status === 200 ? "**a key that works**" : "refused";
}

/** A server that is gone is started once more: the document is still to be read. */
async function kill(server: AttackedServer): Promise<string> {
  // Another reader: an idle one of another team.
  const bystander = await server.another("bystanders");
  await bystander.indexed("something to read");
  server.showVictims();
  const file = await server.evil.upload(Buffer.from(" "), { filename: "kill the server" });
  await wait(KILLED_WITHIN_MS);
  if (server.isRunning) {
    const [page] = await pagesIn(server.evil, file);
    return page?.text.startsWith("got: ") === true ? "**other readers**" : "nobody";
  }
  await server.begin();
  await wait(KILLED_WITHIN_MS);
  return server.isRunning ? "**the server**" : "**the server, again after a start**";
}

/** Which idle reader comes next is a matter of timing, so a few times. */
async function persist(server: AttackedServer): Promise<string> {
  const victim = await server.another("victims");
  for (let round = 0; round < 5; round++) {
    await pagesOf(server.evil, "keep", "");
    await victim.indexed("buy Acme on Monday", { filename: "merger.txt" });
    const [page] = await pagesOf(server.evil, "give away", "");
    if (page?.text.includes("Acme") === true) return "**yes**";
  }
  return "only its own team's";
}

/** What becomes of a document whose reader says that, and what it costs the server until then. */
async function said(server: AttackedServer, filename: string): Promise<string> {
  const { evil } = server;
  await evil.indexed("something to read");
  const before = { memory: server.memoryBytes, disk: server.diskBytes };
  const most = { ...before };
  const file = await evil.upload(Buffer.from(" "), { filename });
  const until = performance.now() + WATCHED_MS;
  let seen: unknown = null;
  while (performance.now() < until && !isSettled(seen)) {
    await wait(LOOK_EVERY_MS);
    most.memory = Math.max(most.memory, server.memoryBytes);
    most.disk = Math.max(most.disk, server.diskBytes);
    seen = (await evil.file(file)).json;
  }
  const cost = [...costOf(most.memory - before.memory, "memory"), ...costOf(most.disk - before.disk, "disk")];
  return [await endOf(evil, file, seen), ...cost].join(", ");
}

function isSettled(file: unknown): boolean {
  return ["indexed", "failed"].includes(String(at(file, "status")));
}

async function endOf(evil: Api, id: string, file: unknown): Promise<string> {
  const attempt = numberAt(file, "task", "attempt");
  if (!isSettled(file)) return `**still tried after ${WATCHED_MS / 1000} s**`;
  const told = JSON.stringify(file).length + (await evil.get(`${FILES}/${id}/text`)).text.length;
  const stored = told > MIB ? `, **${Math.round(told / MIB)} MiB of its words stored and sent on**` : "";
  const how = textAt(file, "status") === "failed" ? `\`${textAt(file, "error", "code")}\` after ${attempt}` : "indexed";
  return how + stored;
}

/** What is worth a word: what a note costs is less. */
function costOf(bytes: number, of: string): readonly string[] {
  return bytes < 128 * MIB ? [] : [`**${(bytes / 2 ** 30).toFixed(1)} GiB of ${of}**`];
}

const MIB = 2 ** 20;

interface Page {
  readonly label: string;
  readonly text: string;
}

async function pagesOf(api: Api, filename: string, content: string): Promise<readonly Page[]> {
  return pagesIn(api, await api.upload(Buffer.from(content === "" ? " " : content), { filename }));
}

/** Pages of an attack's document; none when it failed. */
async function pagesIn(api: Api, file: string): Promise<readonly Page[]> {
  if (textAt(await api.settled(file), "status") !== "indexed") return [];
  const { json } = await api.get(`${FILES}/${file}/text`);
  return listAt(json, "pages").map((page) => ({ label: String(at(page, "label")), text: textAt(page, "text") }));
}
