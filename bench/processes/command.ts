import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { commandsTime } from "./processor-time.ts";

/** A command that ran to its end. */
export interface Ran {
  readonly exitCode: number;
  readonly printed: string;
  readonly complained: string;
  readonly seconds: number;
  /** Processor time of it and of all that it waited for. True only while no other command runs. */
  readonly processorSeconds: number;
}

/** Runs it to its end; null when the machine has no such command. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ran | null> {
  const [began, usedBefore] = [performance.now(), commandsTime()];
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const endWithUs = () => child.kill("SIGKILL");
  process.once("exit", endWithUs);
  try {
    const ended = once(child, "close");
    const [printed, complained] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return {
      exitCode: child.exitCode ?? -1,
      printed,
      complained: complained.slice(-4000),
      seconds: (performance.now() - began) / 1000,
      processorSeconds: commandsTime() - usedBefore,
    };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  } finally {
    process.off("exit", endWithUs);
  }
}
