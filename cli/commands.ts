import type { Command } from "commander";
import type { ExitCode } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/** Gives a command its arguments, flags, help and action. */
type Define = (command: Command, io: Io, end: (exitCode: ExitCode) => void) => void;

interface CommandSource {
  readonly name: string;
  readonly says: string;
  readonly load: () => Promise<Define>;
}

/**
 * Every command, with what loads its code once somebody names it: loading all of them took three quarters of the
 * time of `wharf --help` (476 modules, of which 11 are left).
 */
const COMMANDS: readonly CommandSource[] = [
  { name: "serve", says: "run the server", load: async () => (await import("./serve.ts")).defineServe },
  { name: "keys", says: "make, list and revoke API keys", load: async () => (await import("./keys.ts")).defineKeys },
  {
    name: "dashboard",
    says: "print a link that signs a browser in, and end what is signed in",
    load: async () => (await import("./dashboard.ts")).defineDashboard,
  },
  { name: "upload", says: "upload documents", load: async () => (await import("./upload/upload.ts")).defineUpload },
  {
    name: "search",
    says: "find passages in the documents",
    load: async () => (await import("./search.ts")).defineSearch,
  },
  { name: "status", says: "show how far files are", load: async () => (await import("./files.ts")).defineStatus },
  { name: "files", says: "list and delete files", load: async () => (await import("./files.ts")).defineFiles },
  {
    name: "mcp",
    says: "give an agent tools to search, read and upload documents (Model Context Protocol)",
    load: async () => (await import("./mcp/mcp.ts")).defineMcp,
  },
  {
    name: "doctor",
    says: "look for what is wrong with the data folder, and say what to do",
    load: async () => (await import("./doctor.ts")).defineDoctor,
  },
  {
    name: "reindex",
    says: "make the search index anew while the server is stopped, or read outdated files again while it runs",
    load: async () => (await import("./reindex.ts")).defineReindex,
  },
  {
    name: "backup",
    says: "copy everything into a folder, beside a running server",
    load: async () => (await import("./backup.ts")).defineBackup,
  },
  {
    name: "restore",
    says: "make a new data folder from a backup",
    load: async () => (await import("./backup.ts")).defineRestore,
  },
];

export function isCommand(name: string): boolean {
  return COMMANDS.some((known) => known.name === name);
}

/**
 * Adds all commands by name, and defines those that `argv` may mean: any word of it, for `wharf help keys` names one
 * too.
 */
export async function addCommands(
  program: Command,
  argv: readonly string[],
  io: Io,
  end: (exitCode: ExitCode) => void,
): Promise<void> {
  for (const { name, says, load } of COMMANDS) {
    const command = program.command(name).description(says);
    if (argv.includes(name)) (await load())(command, io, end);
  }
}
