import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { inheritedEnvironment } from "../support/config.ts";

const ROOT = join(import.meta.dirname, "../../..");
const SCRIPT = "/usr/bin/script";

/** Why nothing can be started on a terminal here; false: it can. */
export const NO_TERMINAL: string | false = existsSync(SCRIPT) ? false : "script (bsdutils) is not installed";

export interface TerminalStart {
  /** All that was printed until it said that it is ready. */
  readonly printed: string;
  /** Ctrl-C. Resolves when nothing runs on the terminal any more. */
  end(): Promise<void>;
}

/** `npm start` as somebody types it, on a terminal. */
export async function npmStart(dataDir: string): Promise<TerminalStart> {
  const command = `npm start -- --port 0 --data-dir '${dataDir}'`;
  const env = { ...inheritedEnvironment(), HOME: dirname(dataDir), TERM: "xterm" };
  const terminal = spawn(SCRIPT, ["-qfec", command, "/dev/null"], {
    cwd: ROOT,
    env,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const exited = once(terminal, "exit");
  const printed = await new Promise<string>((resolve, reject) => {
    let text = "";
    terminal.stdout.setEncoding("utf8");
    terminal.stdout.on("data", (piece) => {
      text += piece;
      if (/^ {2}Data {8}.*\r?\n/m.test(text)) resolve(text.replaceAll("\r", ""));
    });
    terminal.once("exit", () => reject(new Error(`npm start ended: ${text}`)));
  });
  return {
    printed,
    async end() {
      terminal.stdin.write("\x03");
      const hung = setTimeout(() => terminal.kill("SIGKILL"), 60_000);
      await exited;
      clearTimeout(hung);
    },
  };
}
