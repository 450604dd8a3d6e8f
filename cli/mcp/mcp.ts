import { once } from "node:events";
import { Writable } from "node:stream";
import type { Command } from "commander";
import { readClientConfig } from "../../server/src/config.ts";
import { connect } from "../client/connect.ts";
import type { Io } from "../io.ts";

const HELP = `
For programs that start it (agents, editors), not for people: it reads requests of the Model Context Protocol from
stdin and answers on stdout, until stdin ends and all is answered. Its tools search and read the documents of the key's team, list buckets
and files, upload and delete. Give it a key with no more scopes than the agent needs: with files:read,search it can
change nothing.

Without --root no file of this machine is read; contents are uploaded as base64 then. docs/mcp.md has configurations
to paste.

Examples:
  $ wharf mcp                                              with WHARF_URL and WHARF_API_KEY of the environment
  $ wharf mcp --url https://files.example.com --root ~/contracts
  $ wharf keys create --team legal --name agent --scopes files:read,search`;

/** Somebody's agent waits: long enough for a restart, short enough to be told. */
const RETRY_MS = 5_000;

interface Flags {
  readonly url?: string;
  readonly root?: string;
}

/**
 * `wharf mcp`: the tools of `/mcp` over stdio, for a server that may be elsewhere. stdout carries the protocol alone.
 */
export function defineMcp(command: Command, io: Io): void {
  command
    .option("--url <url>", "the server, with or without /v1 (WHARF_URL; default: http://127.0.0.1:8686)")
    .option("--root <folder>", "the folder that files may be uploaded from by path; default: none")
    .addHelpText("after", HELP)
    .action(async ({ url, root }: Flags) => {
      const wharf = connect(readClientConfig({ url }, io.env), RETRY_MS);
      const { openRoot } = await import("./root.ts");
      const local = root === undefined ? null : await openRoot(root);
      const { createTools } = await import("../../server/src/mcp/tools.ts");
      const { createMcpServer } = await import("../../server/src/mcp/server.ts");
      const { serveStdio } = await import("@modelcontextprotocol/server/stdio");
      const { AnsweringTransport } = await import("./answering-transport.ts");
      const options = {
        wharf,
        tools: createTools({ local }),
        // One agent, whose calls the server counts and limits as everybody's.
        inTurn: <T>(work: () => Promise<T>) => work(),
        ended: () => {},
        failed: (error: unknown) =>
          io.stderr.write(`wharf: ${error instanceof Error ? error.message : String(error)}\n`),
      };
      const transport = new AnsweringTransport(io.stdin(), writableOf(io));
      const served = serveStdio(() => createMcpServer(options), { transport });
      await Promise.race([transport.closed, once(io.signal, "abort")]);
      await served.close();
    });
}

function writableOf({ stdout }: Io): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => {
      stdout.write(String(chunk));
      done();
    },
  });
}
