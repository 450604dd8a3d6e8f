import { backToLevel, type LevelSlack, type Levels, levelsOf } from "../support/levels.ts";
import type { TestServer } from "../support/server.ts";
import { AttackingProcess } from "./attacking-process.ts";
import type { AttackName, AttackSize } from "./attacks.ts";
import { type Latencies, QUIET_CALLS, type QuietCall, QuietTeam } from "./quiet-team.ts";

export interface BesideOptions extends AttackSize {
  readonly attack: AttackName;
  readonly rounds: number;
  /** Of each round: so long alone, then so long beside the attack. */
  readonly quietMs: number;
  readonly besideMs: number;
  readonly progress?: (line: string) => void;
}

/** One call of the quiet team, in ms: alone, and beside the attack the median of the rounds. */
export interface BesideFigure {
  readonly call: QuietCall;
  readonly quietP50: number;
  readonly quietP99: number;
  readonly p50: number;
  readonly p99: number;
  /** 5 × quietP50 + 250. */
  readonly atMost: number;
  readonly met: boolean;
}

export interface BesideReport {
  readonly attack: AttackName;
  readonly figures: readonly BesideFigure[];
  /** Of the server: before anything was attacked, at the end of the attacks the most, and some time afterwards. */
  readonly levels: { readonly before: Levels; readonly most: Levels; readonly after: Levels };
  /** Files of the quiet team that were acknowledged, all of them looked at in the end. */
  readonly acknowledged: number;
  /** What may not happen at all, however slow the machine is. */
  readonly violations: readonly string[];
}

const TIMES_QUIET = 5;
const PLUS_MS = 250;
/** Calls before anything is measured: caches, compiled code, the first children. */
const WARM_UP_MS = 2000;
/** What an attack leaves behind is over by then: a download is cut after 30 s without progress. */
const LEVEL_WITHIN_MS = 90_000;

/**
 * Memory is back when no more is held than 1.2 × what was before, and 64 MiB: of native memory, glibc keeps what lies
 * below something that is in use (10 000 connections: 65 MiB, once). Searches fill the page caches of the two threads
 * that read the index, too.
 */
function slackOf(attack: AttackName, before: Levels): LevelSlack {
  const caches = attack === "searches" ? 2 * 64 * MIB : 0;
  return { rssBytes: 0.2 * before.rssBytes + 64 * MIB + caches };
}

const MIB = 1024 * 1024;

/** A quiet team's calls alone and beside one attack. */
export async function runBeside(server: TestServer, options: BesideOptions): Promise<BesideReport> {
  const { attack, connections, corpusBytes } = options;
  const [key, attackersKey] = await Promise.all([server.mintKey("quiet"), server.mintKey("attacker")]);
  const team = new QuietTeam(server.url, key);
  await team.settle();
  const job = { attack, connections, corpusBytes, url: server.url, key: attackersKey };
  const attacker = await AttackingProcess.start(job);
  try {
    return await measure(options, server, team, attacker);
  } finally {
    await attacker.close();
  }
}

async function measure(
  { attack, rounds, quietMs, besideMs, progress }: BesideOptions,
  server: TestServer,
  team: QuietTeam,
  attacker: AttackingProcess,
): Promise<BesideReport> {
  await team.measure(WARM_UP_MS);
  const before = levelsOf(server.pid);
  let most = before;
  const quiet: Latencies[] = [];
  const beside: Latencies[] = [];
  const violations: string[] = [];
  for (let round = 1; round <= rounds && server.isRunning; round++) {
    quiet.push(await team.measure(quietMs));
    await attacker.begin();
    beside.push(await team.measure(besideMs));
    if (server.isRunning) most = higher(most, levelsOf(server.pid));
    const got = await attacker.end();
    progress?.(`${attack} ${round}/${rounds}: ${got}; ${team.failures.length} calls failed`);
  }
  violations.push(...team.failures.slice(0, MOST_SHOWN));
  const figures = QUIET_CALLS.map((call) => figureOf(call, quiet, beside));
  if (!server.isRunning) violations.push("the server's process ended");
  const after = await recovered(server, before, slackOf(attack, before)).catch(
    (error: unknown) => void violations.push(String(error)),
  );
  await team.audit().catch((error: unknown) => violations.push(String(error)));
  return {
    attack,
    figures,
    levels: { before, most, after: after ?? (server.isRunning ? levelsOf(server.pid) : most) },
    acknowledged: team.acknowledged,
    violations,
  };
}

const MOST_SHOWN = 20;

/** A server that died comes back, so that the ledger can be held against what is on its disk. */
async function recovered(server: TestServer, before: Levels, slack: LevelSlack): Promise<Levels> {
  if (!server.isRunning) await server.begin({ WHARF_PORT: new URL(server.url).port });
  return backToLevel(server.pid, before, slack, LEVEL_WITHIN_MS);
}

function figureOf(call: QuietCall, quiet: readonly Latencies[], beside: readonly Latencies[]): BesideFigure {
  const alone = quiet.flatMap((latencies) => latencies[call]);
  const quietP50 = quantile(alone, 0.5);
  const p99 = quantile(
    beside.map((latencies) => quantile(latencies[call], 0.99)),
    0.5,
  );
  const p50 = quantile(
    beside.map((latencies) => quantile(latencies[call], 0.5)),
    0.5,
  );
  const atMost = Math.round(TIMES_QUIET * quietP50 + PLUS_MS);
  return { call, quietP50, quietP99: quantile(alone, 0.99), p50, p99, atMost, met: p99 <= atMost };
}

/** The nearest rank, to a tenth of a millisecond. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) * 10) / 10;
}

function higher(one: Levels, other: Levels): Levels {
  return {
    rssBytes: Math.max(one.rssBytes, other.rssBytes),
    descriptors: Math.max(one.descriptors, other.descriptors),
  };
}
