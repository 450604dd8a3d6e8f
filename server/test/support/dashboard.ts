import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import type { OutgoingHttpHeaders } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { type HttpAnswer, http } from "./http.ts";
import { shown, textAt } from "./json.ts";
import type { TestServer } from "./server.ts";

const CLI = join(import.meta.dirname, "../../../cli/main.ts");

/** `wharf dashboard …` beside the running server; its JSON. */
export function dashboardCommand(server: TestServer, ...args: readonly string[]): Promise<unknown> {
  return wharfCommand(server, "dashboard", ...args);
}

/** A command of `wharf` that works on the data folder; its JSON. */
export async function wharfCommand(server: TestServer, ...args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args, "--json"], {
    env: { WHARF_DATA_DIR: server.dataDir, WHARF_PUBLIC_URL: server.url },
  });
  return JSON.parse(stdout);
}

/** The address that signs a browser in. */
export async function dashboardLink(server: TestServer, scopes?: string, team = "default"): Promise<string> {
  const more = scopes === undefined ? [] : ["--scopes", scopes];
  return textAt(await dashboardCommand(server, "link", "--team", team, ...more), "url");
}

/** A browser's session without a browser: what it would send. */
export class DashboardSession {
  readonly base: string;
  /** `name=value`. */
  readonly cookie: string;
  readonly csrf: string;
  /** The `Set-Cookie` that made it. */
  readonly setCookie: string;

  private constructor(base: string, setCookie: string, csrf: string) {
    this.base = base;
    this.setCookie = setCookie;
    this.cookie = setCookie.slice(0, setCookie.indexOf(";"));
    this.csrf = csrf;
  }

  static async open(base: string, link: string): Promise<DashboardSession> {
    const answer = await redeem(base, link);
    assert.equal(answer.status, 200, shown(answer.json));
    return new DashboardSession(base, setCookieOf(answer), textAt(answer.json, "csrf"));
  }

  /** As the page calls, unless `headers` say otherwise; `undefined` leaves one out. */
  call(
    method: string,
    path: string,
    { body, headers = {} }: { readonly body?: unknown; readonly headers?: OutgoingHttpHeaders } = {},
  ): Promise<HttpAnswer> {
    const all: OutgoingHttpHeaders = {
      Cookie: this.cookie,
      "X-Wharf-Csrf": this.csrf,
      "Sec-Fetch-Site": "same-origin",
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return http(`${this.base}${path}`, {
      method,
      headers: sent,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

export function redeem(base: string, link: string): Promise<HttpAnswer> {
  const secret = link.slice(link.indexOf("#link=") + "#link=".length);
  return http(`${base}/dashboard/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ link: secret }),
  });
}

export function setCookieOf({ headers }: HttpAnswer): string {
  const [only = "", ...more] = [headers["set-cookie"] ?? []].flat();
  assert.equal(more.length, 0);
  return only;
}
