import { fstatSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { Command, CommanderError } from "commander";
import { addCommands, isCommand } from "./commands.ts";
import { CliError, EXIT, type ExitCode, exitCodes } from "./exit-codes.ts";
import { type Io, printJson } from "./io.ts";

/**
 * `wharf`: runs the server, makes its keys, and speaks to it as any client would. The commands for files go over HTTP
 * alone; only `serve`, `keys` and the operator's commands touch a data folder.
 */
export async function runCli(argv: readonly string[], io: Io): Promise<ExitCode> {
  const outcome: { exitCode: ExitCode } = { exitCode: EXIT.ok };
  try {
    const program = createProgram(io);
    await addCommands(program, argv, io, (exitCode) => {
      outcome.exitCode = exitCode;
    });
    await program.parseAsync([...argv], { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    return await report(io, argv, error === io.signal.reason ? interrupted() : error);
  }
}

function createProgram(io: Io): Command {
  return new Command("wharf")
    .description("One document in: durable, indexed and findable.")
    .version(readVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // What went wrong is reported once, by report().
      writeErr: () => {},
      getOutHasColors: () => io.stdout.isTerminal,
    })
    .helpCommand("help [command]", "explain a command, with examples")
    .addHelpText("after", GLOBAL_HELP);
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "";
}

/** Says what went wrong, once and in the form that was asked for, and which exit code that is. */
async function report(io: Io, argv: readonly string[], thrown: unknown): Promise<ExitCode> {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok;
  const { exitCode, code, message } = await explain(thrown, argv);
  if (argv.includes("--json")) printJson(io, { error: { code, message } });
  else io.stderr.write(`wharf: ${message}\n`);
  return exitCode;
}

function interrupted(): CliError {
  const message = "Stopped. What was acknowledged is safe; the same command goes on from there.";
  return new CliError(EXIT.interrupted, "interrupted", message);
}

interface Explanation {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
}

async function explain(thrown: unknown, [command = ""]: readonly string[]): Promise<Explanation> {
  if (thrown instanceof CliError) return thrown;
  if (thrown instanceof CommanderError) {
    // `wharf keys` alone asks for help in commander's own way.
    const message = thrown.code === "commander.help" ? "name a command" : thrown.message.replace(/^error: /, "");
    const help = isCommand(command) ? `wharf ${command} --help` : "wharf --help";
    return { exitCode: EXIT.usage, code: "usage", message: `${message}. See ${help}.` };
  }
  // Loaded by what threw, if it is theirs; help need not wait for them.
  const { ConfigError } = await import("../server/src/config.ts");
  const { toError, WharfError } = await import("../server/src/errors.ts");
  if (thrown instanceof ConfigError) return { exitCode: EXIT.config, code: "config", message: thrown.message };
  if (thrown instanceof WharfError) return { exitCode: EXIT.failure, code: thrown.code, message: thrown.message };
  return { exitCode: EXIT.failure, code: "failure", message: toError(thrown).message };
}

const GLOBAL_HELP = `
First steps:
  $ wharf serve                                  start the server; the first start prints a key and a tour
  $ export WHARF_API_KEY=sk_…                    the key that it printed
  $ wharf upload handbook.pdf --bucket handbook --create-missing-buckets --wait
  $ wharf search "parental leave" --bucket handbook

Settings of the client commands: WHARF_URL (http://127.0.0.1:8686) and WHARF_API_KEY.
Every command but mcp takes --json: one JSON document on stdout, errors too ({"error": {"code", "message"}}).

Exit codes:
${exitCodes()
  .map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`)
  .join("\n")}
`;

/**
 * npm and bin/wharf pass a Ctrl-C on that the terminal has sent to the whole group already: both come within
 * milliseconds.
 */
const SAME_SIGNAL_MS = 1000;

/**
 * The process's own streams and signals. The first signal asks for an orderly end; a later one does not wait for it.
 */
function processIo(): Io {
  const stop = new AbortController();
  let stoppedAt = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      const now = performance.now();
      if (!stop.signal.aborted) stoppedAt = now;
      else if (now - stoppedAt > SAME_SIGNAL_MS) process.exit(signal === "SIGINT" ? 130 : 143);
      stop.abort();
    });
  // Without a listener Node opens its inspector, to whoever on this machine may send us a signal.
  process.on("SIGUSR1", () => {});
  // A reader that has gone (`wharf … | head`) is no failure of ours.
  process.stdout.on("error", () => {});
  return {
    stdout: { isTerminal: process.stdout.isTTY === true, write: (text) => process.stdout.write(text) },
    stderr: { isTerminal: process.stderr.isTTY === true, write: (text) => process.stderr.write(text) },
    stdin: ownStdin,
    env: undefined,
    signal: stop.signal,
  };
}

/** Node takes a folder (`< folder`) for a file without bytes. Throws CliError. */
function ownStdin(): Readable {
  if (isFolder(0))
    throw new CliError(EXIT.usage, "stdin_is_folder", "stdin is a folder. Name the folder itself instead of -.");
  return process.stdin;
}

function isFolder(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isDirectory();
  } catch {
    // It is closed: nothing comes.
    return false;
  }
}

/** The whole of it, for this process: what bin/wharf does. */
export async function main(): Promise<void> {
  process.exitCode = await runCli(process.argv.slice(2), processIo());
}

if (import.meta.main) await main();
