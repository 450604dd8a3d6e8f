import assert from "node:assert/strict";
import { http } from "../support/http.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";
import { exchangeBytes } from "./raw-exchange.ts";

/** `/docs` serves files of a package: nothing beside them, and it sends nobody elsewhere. */

const { url } = await openTarget();

const PATHS = [
  "/docs/../../../../etc/passwd",
  "/docs/static/../../../package.json",
  "/docs/static/..%2f..%2f..%2fpackage.json",
  "/docs/static/%2e%2e/%2e%2e/index.js",
  "/docs/static/%252e%252e%252f",
  "/docs/static/.%00/",
  "/docs/static//etc/passwd",
  "/docs/static/..\\..\\package.json",
  "/docs/?url=https://evil.example/x.json",
  "/docs/?configUrl=https://evil.example",
  "//evil.example/",
  "//evil.example/docs",
  "/docs//evil.example",
  "/docs/static",
  "/\\evil.example",
  "/docs/..;/",
];

proves(["ALL-1", "ALL-5"], "no path under /docs leads to another file or to another host", async () => {
  for (const path of PATHS) {
    const { answers } = await exchangeBytes(
      url,
      `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`,
    );
    const [answer] = answers;
    assert.equal(answers.length, 1, path);
    const location = answer?.headers["location"] ?? "";
    assert.ok(location === "" || /^\.?\/?docs\/|^\.\/static/.test(location), `${path} leads to ${location}`);
    const body = answer?.body.toString("utf8") ?? "";
    assert.ok(!/root:|"version"|swaggerUi\(/.test(body), `${path}: ${body.slice(0, 200)}`);
  }
});

proves(["PUT-15", "ALL-3"], "pages of other origins may send bytes to upload URLs and nothing else", async () => {
  for (const path of ["/v1/knowledge/files", "/v1/connection", "/docs", "/openapi.json", "/healthz", "/metrics"])
    for (const method of ["OPTIONS", "GET"]) {
      const headers = { Origin: "https://evil.example", "Access-Control-Request-Method": "GET" };
      const answer = await http(`${url}${path}`, { method, headers });
      const allowed = Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"));
      assert.deepEqual(allowed, [], `${method} ${path}`);
    }
});
