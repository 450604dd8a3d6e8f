import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { AttackName, AttackSize } from "./attacks.ts";

export interface AttackJob extends AttackSize {
  readonly attack: AttackName;
  readonly url: string;
  /** Of the attacker's own team. */
  readonly key: string;
}

const ATTACKER = join(import.meta.dirname, "attacker.ts");

/** An attacker that has prepared itself. */
export class AttackingProcess {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines;
  }

  /** Rejects when it cannot prepare itself. */
  static async start(job: AttackJob): Promise<AttackingProcess> {
    const child = spawn(process.execPath, [ATTACKER, JSON.stringify(job)], { stdio: ["pipe", "pipe", "inherit"] });
    const attacker = new AttackingProcess(child, createInterface({ input: child.stdout }));
    await attacker.#answer();
    return attacker;
  }

  /** Resolves when the attack has reached its level. */
  async begin(): Promise<void> {
    await this.#say("begin");
  }

  /** Resolves with what the attacker got, when all of its connections are closed. */
  end(): Promise<string> {
    return this.#say("end");
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  #say(line: string): Promise<string> {
    const answer = this.#answer();
    this.#child.stdin?.write(`${line}\n`);
    return answer;
  }

  async #answer(): Promise<string> {
    const ended = new AbortController();
    const gone = once(this.#child, "exit", { signal: ended.signal }).then(() => {
      throw new Error("the attacker ended");
    });
    try {
      const [line] = await Promise.race([once(this.#lines, "line", { signal: ended.signal }), gone]);
      return String(line);
    } finally {
      gone.catch(() => {});
      ended.abort();
    }
  }
}
