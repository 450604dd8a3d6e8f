import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Api } from "../../test/support/api.ts";
import { readConfig } from "../config.ts";
import { createLog } from "../log.ts";
import { type RunningWharf, startWharf } from "../start.ts";
import { MetricsRecorder } from "./recorder.ts";

/** Name with labels → value, after the whole answer was found to be in the text format. */
function parse(text: string): ReadonlyMap<string, number> {
  const typed = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.trimEnd().split("\n")) {
    const [, name = "", type = ""] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (name !== "") typed.set(name, type);
    if (line.startsWith("#")) continue;
    const [, series = "", value = ""] = /^([a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\})?) (\S+)$/.exec(line) ?? [];
    const family = /^[a-z_]+/.exec(series)?.[0] ?? line;
    assert.ok(typed.has(family) || typed.has(family.replace(/_(bucket|sum|count)$/, "")), `untyped: ${line}`);
    assert.ok(Number.isFinite(Number(value)), line);
    assert.ok(!samples.has(series), `twice: ${series}`);
    samples.set(series, Number(value));
  }
  return samples;
}

test("a histogram's buckets add up, and a label's value may hold quotes and backslashes", () => {
  const metrics = new MetricsRecorder();
  for (const value of [0.0005, 0.002, 0.002, 1000])
    metrics.observe("wharf_http_request_seconds", value, { route: '/a"\\b' });
  const samples = parse(metrics.expose([]));
  const at = (le: string) => samples.get(`wharf_http_request_seconds_bucket{route="/a\\"\\\\b",le="${le}"}`);
  assert.equal(at("0.001"), 1);
  assert.equal(at("0.0025"), 3);
  assert.equal(at("120"), 3);
  assert.equal(at("+Inf"), 4);
  assert.equal(samples.get('wharf_http_request_seconds_count{route="/a\\"\\\\b"}'), 4);
});

test("labels that are not bounded stop at a thousand series", () => {
  const metrics = new MetricsRecorder();
  for (let i = 0; i < 5000; i++) metrics.count("wharf_tasks_total", { type: String(i) });
  assert.equal(
    [...parse(metrics.expose([])).keys()].filter((name) => name.startsWith("wharf_tasks_total")).length,
    1000,
  );
});

describe("GET /metrics of a running server", () => {
  let root: string;
  let wharf: RunningWharf;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "wharf-metrics-"));
    const config = readConfig({ port: "0", dataDir: join(root, "data"), workers: "1" }, {});
    wharf = await startWharf(config, { log: createLog("silent") });
  });
  after(async () => {
    await wharf.stop();
    await rm(root, { recursive: true });
  });

  async function scrape(): Promise<ReadonlyMap<string, number>> {
    const answer = await fetch(`${wharf.url}/metrics`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    return parse(await answer.text());
  }

  test("it counts a file's way through the service, by route pattern and never by what a client sent", async () => {
    const text = "The pilot boards at the outer buoy.";
    const api = new Api(wharf.url, wharf.firstKey?.key ?? "");
    const id = await api.indexed(text, { filename: "canary-name.txt", bucket: "canary-bucket" });

    const samples = await scrape();
    assert.equal(samples.get("wharf_sessions_created_total"), 1);
    assert.equal(samples.get('wharf_sessions_ended_total{how="finalized"}'), 1);
    assert.equal(samples.get("wharf_sessions_live"), 0);
    assert.equal(samples.get("wharf_upload_bytes_total"), text.length);
    assert.equal(samples.get('wharf_tasks{state="due"}'), 0);
    assert.equal(samples.get("wharf_tasks_oldest_due_seconds"), 0);
    const request = (labels: string) => samples.get(`wharf_http_request_seconds_count{${labels}}`);
    assert.equal(request('method="POST",route="/v1/knowledge/files/upload-session",status="2xx"'), 1);
    assert.equal(request('method="PUT",route="/v1/uploads/:session_id/:signature",status="2xx"'), 1);
    assert.ok((samples.get("wharf_commit_operations_sum") ?? 0) >= (samples.get("wharf_commit_operations_count") ?? 1));
    assert.ok((samples.get("wharf_commit_seconds_count") ?? 0) > 0);
    for (const stage of ["extracting", "indexing"])
      assert.equal(samples.get(`wharf_task_stage_seconds_count{stage="${stage}"}`), 1, stage);
    assert.ok((samples.get("process_resident_memory_bytes") ?? 0) > 10_000_000);
    assert.ok(samples.has('wharf_event_loop_delay_seconds{quantile="0.99"}'));
    const all = [...samples.keys()].join("\n");
    for (const secret of ["canary", id, wharf.firstKey?.teamId ?? "", "default"]) assert.ok(!all.includes(secret));
  });

  test("paths that clients make up share one series", async () => {
    for (const path of ["/wp-login.php", "/v1/x", "/v1/y"]) await fetch(`${wharf.url}${path}`);
    const routes = [...(await scrape()).keys()].filter((name) => /_count\{.*status="4xx"/.test(name));
    assert.deepEqual(routes, ['wharf_http_request_seconds_count{method="GET",route="none",status="4xx"}']);
  });

  for (const header of ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
    test(`who comes through a proxy (${header}) finds no such address`, async () => {
      assert.equal((await fetch(`${wharf.url}/metrics`, { headers: { [header]: "192.0.2.1" } })).status, 404);
    });
});
