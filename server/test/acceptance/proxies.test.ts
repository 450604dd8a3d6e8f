import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "../faults/processes.ts";
import { Api } from "../support/api.ts";
import { http } from "../support/http.ts";
import { textAt } from "../support/json.ts";
import { RawConnection } from "../support/raw.ts";
import { TestServer } from "../support/server.ts";

/**
 * The configurations of docs/operations.md as they stand there, but for addresses and certificates, before a
 * real server.
 */
const PROXIES = [
  {
    name: "nginx",
    fence: "nginx",
    probe: ["-v"],
    configure: nginx,
    argv: (file: string) => ["-c", file, "-p", `${file}-`],
    limits: true,
  },
  {
    name: "caddy",
    fence: "caddyfile",
    probe: ["version"],
    configure: caddy,
    argv: (file: string) => ["run", "--adapter", "caddyfile", "--config", file],
    limits: false,
  },
] as const;

for (const proxy of PROXIES) {
  const missing = spawnSync(proxy.name, proxy.probe).error !== undefined;
  describe(`behind ${proxy.name}`, { skip: missing ? `${proxy.name} is not installed` : false }, () => {
    let folder: string;
    let server: TestServer;
    let child: ChildProcess;
    let api: Api;
    let url: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "wharf-proxy-"));
      const port = await freePort();
      url = `http://127.0.0.1:${port}`;
      const own = await freePort();
      server = await TestServer.start({ WHARF_PUBLIC_URL: url, WHARF_PORT: String(own), WHARF_WORKERS: "1" });
      const upstream = `127.0.0.1:${own}`;
      const file = join(folder, "config");
      await writeFile(file, proxy.configure(configurationOf(proxy.fence), { port, upstream, folder }));
      // HOME: where Caddy keeps certificates, of which there are none here.
      child = spawn(proxy.name, proxy.argv(file), {
        stdio: "ignore",
        env: { PATH: process.env["PATH"] ?? "", HOME: folder },
      });
      api = new Api(url, server.key);
      await eventually(`${proxy.name} answers`, 20_000, () =>
        http(`${url}/healthz`).then(
          () => true,
          () => false,
        ),
      );
    });
    after(async () => {
      if (child.exitCode === null) {
        const exited = once(child, "exit");
        child.kill("SIGTERM");
        await exited;
      }
      await server.close();
      await rm(folder, { recursive: true });
    });

    test("a file of 25 MB goes through, is found, and comes back as it was", async () => {
      const bytes = randomBytes(25 * 1024 * 1024);
      const session = await api.create(bytes.length, { filename: "large.bin" });
      assert.ok(session.url.startsWith(url));
      const put = await http(session.url, { method: "PUT", body: bytes, timeoutMs: 60_000 });
      assert.equal(put.status, 200, put.text);
      const finalized = await api.finalize(session.id);
      assert.equal(finalized.status, 201);
      const content = await api.content(textAt(finalized.json, "id"));
      assert.ok(content.body.equals(bytes));
      await api.indexed("Ships longer than forty metres take a pilot.");
      assert.equal((await api.search({ query: "forty metres", bucket: api.bucket })).status, 200);
    });

    test("what arrived of an upload that was cut is kept, and the upload goes on from there", async () => {
      const unit = 256 * 1024;
      const bytes = randomBytes(8 * unit);
      const session = await api.create(bytes.length, { filename: "cut.bin" });
      const { hostname, port, pathname } = new URL(session.url);
      const socket = connect(Number(port), hostname);
      socket.write(`PUT ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${bytes.length}\r\n\r\n`);
      socket.write(bytes.subarray(0, 5 * unit));
      // Recorded every 5 s while it runs: so it has come through before the cut, and was not gathered by the proxy.
      await eventually("whole units are recorded", 20_000, async () => (await api.receivedBytes(session.id)) > 0);
      socket.destroy();
      await eventually(
        "the rest is recorded at the cut",
        20_000,
        async () => (await api.receivedBytes(session.id)) >= 4 * unit,
      );
      const received = await api.receivedBytes(session.id);
      const rest = await http(session.url, {
        method: "PUT",
        headers: { "Content-Range": `bytes ${received}-${bytes.length - 1}/${bytes.length}` },
        body: bytes.subarray(received),
      });
      assert.equal(rest.status, 200, rest.text);
    });

    test("308 with its Range, refusals with their bodies and held polls pass unchanged", async () => {
      const session = await api.create(300_000, { filename: "half.bin" });
      const part = await http(session.url, {
        method: "PUT",
        headers: { "Content-Range": "bytes 0-262143/300000" },
        body: randomBytes(262_144),
      });
      assert.equal(part.status, 308);
      assert.equal(part.headers["range"], "bytes=0-262143");
      const refused = await api.createRaw({ filename: "x" });
      assert.equal(refused.status, 400);
      assert.equal(typeof textAt(refused.json, "error", "code"), "string");
      const file = await api.indexed("A note.");
      const began = performance.now();
      const { etag = "" } = (await api.file(file)).headers;
      const held = await api.get(`/v1/knowledge/files/${file}?wait=3`, { "If-None-Match": etag });
      assert.ok([200, 304].includes(held.status));
      assert.ok(performance.now() - began < 20_000);
    });

    test("the figures are not for the world", async () => {
      assert.equal((await http(`${url}/metrics`)).status, 404);
    });

    const skip = proxy.limits ? false : `${proxy.name} has no such limit; docs/operations.md says so`;
    test("of one address 100 requests run at once, and more are 429", { skip }, async () => {
      const file = await api.indexed("Another note.");
      const { etag = "" } = (await api.file(file)).headers;
      const polls = await Promise.all(
        Array.from({ length: 110 }, async () => {
          const connection = await RawConnection.open(url);
          const headers = [`Authorization: Bearer ${api.key}`, `If-None-Match: ${etag}`];
          await connection.writeHead("GET", `${url}/v1/knowledge/files/${file}?wait=60`, headers);
          return connection;
        }),
      );
      let refused = 0;
      for (const connection of polls)
        void connection.readAnswer(60_000).then(
          (answer) => void (answer?.status === 429 && refused++),
          () => {},
        );
      await eventually("ten are refused", 20_000, async () => refused === 10);
      for (const connection of polls) connection.destroy();
    });
  });
}

function configurationOf(fence: string): string {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/operations.md"), "utf8");
  const [, block = ""] = new RegExp(`\`\`\`${fence}\n([\\s\\S]*?)\`\`\``).exec(page) ?? [];
  assert.notEqual(block, "", `docs/operations.md has no ${fence} configuration`);
  return block;
}

interface Place {
  readonly port: number;
  /** Where the server listens. */
  readonly upstream: string;
  readonly folder: string;
}

function nginx(block: string, { port, upstream, folder }: Place): string {
  const server = block
    .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
    .replace(/^ *ssl_certificate.*\n/gm, "")
    .replace("http://127.0.0.1:8686", `http://${upstream}`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `daemon off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events {}
http {
access_log off;
${temporary.join("\n")}
${server}}
`;
}

function caddy(block: string, { port, upstream }: Place): string {
  return block
    .replace("{\n", "{\n  admin off\n  auto_https off\n")
    .replace("files.example.com", `http://127.0.0.1:${port}`)
    .replace("127.0.0.1:8686", upstream);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
