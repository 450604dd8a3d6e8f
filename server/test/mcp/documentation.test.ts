import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { createTools } from "../../src/mcp/tools.ts";
import { inheritedEnvironment } from "../support/config.ts";
import { at, listAt, objectAt, textAt } from "../support/json.ts";
import { NEEDS_OWN_SERVER, openTarget } from "../support/target.ts";
import { agentOf } from "./clients.ts";

/** docs/mcp.md, as somebody who pastes from it has it. */

const REPOSITORY = join(import.meta.dirname, "../../..");
const PAGE = await readFile(join(REPOSITORY, "docs/mcp.md"), "utf8");
const CONFIGURATIONS = [...PAGE.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = ""]) => json);

const { api, url } = await openTarget();
const documents = await mkdtemp(join(tmpdir(), "wharf-mcp-docs-"));
after(() => rm(documents, { recursive: true }));

/** The page's placeholders, filled in. */
function filledIn(configuration: string): unknown {
  const values = [
    ["/path/to/wharf", REPOSITORY],
    ["/path/to/documents", documents],
    ["http://127.0.0.1:8686", url],
    ["sk_…", api.key],
  ] as const;
  return JSON.parse(values.reduce((text, [placeholder, value]) => text.replaceAll(placeholder, value), configuration));
}

describe("what docs/mcp.md says", { skip: NEEDS_OWN_SERVER }, () => {
  test("a configuration for each transport, pasted and filled in, reaches the tools", async () => {
    assert.equal(CONFIGURATIONS.length, 2);
    await writeFile(join(documents, "a.txt"), "pasted");
    for (const configuration of CONFIGURATIONS) {
      const server = objectAt(at(filledIn(configuration), "mcpServers", "wharf"));
      const isHttp = at(server, "type") === "http";
      const agent = isHttp
        ? await agentOf(new Client({ name: "test", version: "1" }), overHttp(server))
        : await agentOf(new Client({ name: "test", version: "1" }), overStdio(server));
      try {
        const content = isHttp ? { filename: "a.txt", content_base64: "cGFzdGVk" } : { path: "a.txt" };
        const uploaded = await agent.call("upload_file", {
          ...content,
          buckets: ["pasted"],
          create_missing_buckets: true,
        });
        assert.match(textAt(uploaded, "file_id"), /^file_/);
      } finally {
        await agent.close();
      }
    }
  });

  test("its table has every tool with its scope", () => {
    const cells = PAGE.split("\n")
      .filter((line) => /^\| `\w+`/.test(line))
      .map((line) => line.split("|"));
    for (const { name, scope } of createTools({ local: null })) {
      const [, , , told = ""] = cells.find(([, tools = ""]) => tools.includes(`\`${name}\``)) ?? [];
      assert.ok(told.includes(`\`${scope}\``), `${name}: ${told}`);
    }
  });
});

function overHttp(server: object): StreamableHTTPClientTransport {
  const headers = { Authorization: textAt(server, "headers", "Authorization") };
  return new StreamableHTTPClientTransport(new URL(textAt(server, "url")), { requestInit: { headers } });
}

function overStdio(server: object): StdioClientTransport {
  const env = { ...inheritedEnvironment(), WHARF_URL: textAt(server, "env", "WHARF_URL"), WHARF_API_KEY: api.key };
  return new StdioClientTransport({
    command: textAt(server, "command"),
    args: listAt(server, "args").map(String),
    env,
  });
}
