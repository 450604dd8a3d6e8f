import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { COOKIE_ROUTES } from "../../src/access/cookie-routes.ts";
import { LIMITS } from "../../src/limits.ts";
import { Api } from "../support/api.ts";
import {
  DashboardSession,
  dashboardCommand,
  dashboardLink,
  redeem,
  setCookieOf,
  wharfCommand,
} from "../support/dashboard.ts";
import { type HttpAnswer, http } from "../support/http.ts";
import { at, listAt, objectAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";
import { operationsOf } from "./operations.ts";

/**
 * The dashboard's cookie beside keys: which routes take it, with which scopes, and what another origin gets with it:
 * nothing.
 */

const skip = NEEDS_OWN_SERVER;
const server = skip === false ? await ownServer() : null;
const SCOPES = ["files:write", "files:read", "search", "admin"] as const;

/** The page's own routes, which /openapi.json does not describe. */
const PAGES_OWN = [
  { route: "GET /dashboard/session", scope: null },
  { route: "GET /dashboard/health", scope: null },
  { route: "DELETE /dashboard/session", scope: null },
];

/** Every route that wants a credential, as cookie-routes.ts writes them, with the scope that it wants. */
async function guardedRoutes(): Promise<readonly { readonly route: string; readonly scope: string | null }[]> {
  assert.ok(server !== null);
  const document = objectAt((await http(`${server.url}/openapi.json`)).json);
  const described = operationsOf(document).filter(({ needsKey }) => needsKey);
  const scoped = described.map(({ method, path }) => {
    const description = textAt(document, "paths", path, method.toLowerCase(), "description");
    const scope = /Needs a key with the scope (\S+)\./.exec(description)?.[1] ?? null;
    return { route: `${method} ${path.replaceAll(":", "::").replaceAll(/\{(\w+)\}/g, ":$1")}`, scope };
  });
  // Signing out is last: it ends the session that asks.
  return [...scoped, ...PAGES_OWN];
}

function addressOf(route: string): { readonly method: string; readonly path: string } {
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern.replaceAll(/(?<!:):(?!:)\w+/g, "file_00000000000000000000000000").replaceAll("::", ":");
  return { method, path };
}

proves(
  ["ALL-2", "ALL-10"],
  "each route takes the cookie when the table of cookie routes names it, and then within the scopes of the session alone",
  async () => {
    assert.ok(server !== null);
    const routes = await guardedRoutes();
    for (const route of COOKIE_ROUTES)
      assert.ok(
        routes.some((known) => known.route === route),
        `${route} is no route`,
      );
    for (const scope of SCOPES) {
      const session = await DashboardSession.open(server.url, await dashboardLink(server, scope));
      for (const { route, scope: needed } of routes) {
        const { method, path } = addressOf(route);
        const { status, json } = await session.call(method, path, method === "GET" ? {} : { body: {} });
        const says = `${route} with a session of ${scope}: ${status} ${shown(json)}`;
        if (!COOKIE_ROUTES.has(route)) assert.equal(status, 401, says);
        else if (needed !== null && needed !== scope) assert.equal(status, 403, says);
        else assert.ok(status !== 401 && status !== 403, says);
      }
    }
  },
  { skip },
);

proves(
  ["ALL-2"],
  "a write with the cookie and without the page's token is no credential, nor is a request with another session's, or of another origin",
  async () => {
    assert.ok(server !== null);
    const session = await DashboardSession.open(server.url, await dashboardLink(server));
    const other = await DashboardSession.open(server.url, await dashboardLink(server));
    const bad = [{ "X-Wharf-Csrf": "" }, { "X-Wharf-Csrf": other.csrf }];
    const none = { "X-Wharf-Csrf": undefined };
    const { port } = new URL(server.url);
    for (const route of COOKIE_ROUTES) {
      const { method, path } = addressOf(route);
      const body = method === "GET" ? {} : { body: {} };
      const elsewhere = [
        ...["cross-site", "same-site"].map((site) => ({ "Sec-Fetch-Site": site })),
        // Browsers that say nothing of the site, as over plain HTTP.
        ...[`http://127.0.0.1:${port}1`, "https://evil.example", `http://evil.example:${port}`, "null", ""].map(
          (origin) => ({ "Sec-Fetch-Site": undefined, Origin: origin }),
        ),
      ];
      for (const headers of [...elsewhere, ...bad, ...(method === "GET" ? [] : [none])]) {
        const answer = await session.call(method, path, { ...body, headers });
        assert.equal(answer.status, 401, `${route} with ${JSON.stringify(headers)}`);
        assert.equal(answer.headers["access-control-allow-origin"], undefined, route);
        assert.equal(answer.headers["access-control-allow-credentials"], undefined, route);
        assert.equal(answer.headers["cross-origin-resource-policy"], "same-origin", route);
        assert.match(String(answer.headers["vary"]), /Cookie, Origin, Sec-Fetch-Site/, route);
      }
    }
    for (const headers of [
      none,
      {},
      { "Sec-Fetch-Site": undefined, Origin: server.url },
      { "Sec-Fetch-Site": "none" },
    ]) {
      const answer = await session.call("GET", "/dashboard/session", { headers });
      assert.equal(answer.status, 200, `the session is still there, ${JSON.stringify(headers)}`);
      assert.equal(answer.headers["cross-origin-resource-policy"], "same-origin");
    }
  },
  { skip },
);

proves(
  ["ALL-2"],
  "a key beside the cookie is what counts, a wrong one too, and two cookies of that name are none",
  async () => {
    assert.ok(server !== null);
    const session = await DashboardSession.open(server.url, await dashboardLink(server, "search"));
    const files = (headers: Record<string, string>) => session.call("GET", "/v1/knowledge/files", { headers });
    assert.equal((await files({})).status, 403);
    assert.equal((await files({ Authorization: `Bearer ${server.key}` })).status, 200);
    assert.equal((await files({ Authorization: "Bearer sk_wrong_wrong_wrong" })).status, 401);
    const twice = await session.call("GET", "/dashboard/session", {
      headers: { Cookie: `${session.cookie}; ${session.cookie}` },
    });
    assert.equal(twice.status, 401);
    const strange = await session.call("GET", "/dashboard/session", { headers: { Cookie: `${session.cookie}x` } });
    assert.equal(strange.status, 401);
    assert.match(textAt(strange.json, "error", "message"), /Sign in again with a new link/);
  },
  { skip },
);

proves(
  ["ALL-2"],
  "a link signs in once, for a minute, one of fifty at once, and its cookie is HttpOnly and SameSite=Strict",
  async () => {
    assert.ok(server !== null);
    const link = await dashboardLink(server);
    assert.match(link, /\/#link=[\w-]{43}$/);
    const answers = await Promise.all(Array.from({ length: 50 }, () => redeem(server.url, link)));
    const good = answers.filter(({ status }) => status === 200);
    assert.equal(good.length, 1);
    assert.ok(answers.every(({ status }) => status === 200 || status === 401));
    const [answer] = good;
    assert.ok(answer !== undefined);
    assert.match(
      setCookieOf(answer),
      /^wharf_session_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    const refused = await redeem(server.url, link);
    assert.equal(refused.status, 401);
    assert.match(textAt(refused.json, "error", "message"), /wharf dashboard link/);
    for (const wrong of ["#link=", "#link=x", `#link=${"A".repeat(43)}`, `#link=${"A".repeat(9000)}`])
      assert.equal((await redeem(server.url, wrong)).status, 401);
    assert.equal(LIMITS.dashboardLinkMs, 60_000);
    assert.equal(LIMITS.dashboardSessionMs, 12 * 3600_000);
  },
  { skip },
);

proves(
  ["ALL-2"],
  "a session has its team alone, and is over at once when the page or the operator ends it",
  async () => {
    assert.ok(server !== null);
    const team = `board-${randomUUID().slice(0, 8)}`;
    await server.mintKey(team);
    const own = await DashboardSession.open(server.url, await dashboardLink(server, undefined, team));
    const signedOut = await DashboardSession.open(server.url, await dashboardLink(server, undefined, team));
    assert.equal(textAt((await own.call("GET", "/dashboard/session")).json, "team"), team);

    assert.equal((await signedOut.call("DELETE", "/dashboard/session")).status, 200);
    assert.equal((await signedOut.call("GET", "/dashboard/session")).status, 401);
    const listed = listAt(await dashboardCommand(server, "sessions", "--team", team), "sessions");
    assert.equal(listed.length, 1);
    const id = textAt(listed[0], "id");
    assert.equal(at(await dashboardCommand(server, "end", id), "ended"), 1);
    assert.equal((await own.call("GET", "/dashboard/session")).status, 401);
    assert.equal(at(await dashboardCommand(server, "end", id), "ended"), 0);
  },
  { skip },
);

proves(
  ["ALL-2", "POL-5"],
  "what a session or a key has held ends with it: at once, or within two seconds when another process ended it",
  async () => {
    assert.ok(server !== null);
    const fileId = await new Api(server.url, server.key).indexed("The dredger works at night.");
    const path = `/v1/knowledge/files/${fileId}`;
    const etag = String((await new Api(server.url, server.key).get(path)).headers["etag"]);
    const held = { "If-None-Match": etag };
    const [one, other] = [
      await DashboardSession.open(server.url, await dashboardLink(server)),
      await DashboardSession.open(server.url, await dashboardLink(server)),
    ];
    const name = `leaver-${randomUUID().slice(0, 8)}`;
    const keys = await wharfCommand(server, "keys", "create", "--team", "default", "--name", name);
    const waits: readonly (readonly [end: () => Promise<unknown>, waiting: () => Promise<HttpAnswer>])[] = [
      [() => one.call("DELETE", "/dashboard/session"), () => one.call("GET", `${path}?wait=30`, { headers: held })],
      [
        async () => dashboardCommand(server, "end", "--team", "default"),
        () => other.call("GET", `${path}?wait=30`, { headers: held }),
      ],
      [
        () => wharfCommand(server, "keys", "revoke", textAt(keys, "id")),
        () => new Api(server.url, textAt(keys, "key")).call("GET", `${path}?wait=30`, { headers: held }),
      ],
    ];
    for (const [end, waiting] of waits) {
      const answer = waiting();
      assert.equal(await Promise.race([answer.then(() => "answered"), sleep(300, "held")]), "held");
      await end();
      const ended = performance.now();
      const { status, text } = await answer;
      assert.equal(status, 401, text);
      assert.ok(performance.now() - ended < 5000, `${performance.now() - ended} ms later`);
      assert.ok(!text.includes(fileId));
    }
  },
  { skip },
);

proves(
  ["ALL-2", "ALL-3"],
  "no secret of a sign-in is in the data folder or the log",
  async () => {
    assert.ok(server !== null);
    const link = await dashboardLink(server);
    const session = await DashboardSession.open(server.url, link);
    const unused = await dashboardLink(server);
    const secrets = [link.slice(-43), unused.slice(-43), session.cookie.slice(-43), session.csrf];
    for (const name of ["catalogue.db", "catalogue.db-wal"]) {
      const bytes = await readFile(join(server.dataDir, name));
      for (const secret of secrets) assert.ok(!bytes.includes(secret), `${name} holds a secret`);
    }
    for (const secret of secrets) assert.ok(!server.log.includes(secret), "the log holds a secret");
  },
  { skip },
);

proves(
  ["ALL-2"],
  "a browser stays signed in over a restart of the server",
  async () => {
    const own = await ownServer();
    const session = await DashboardSession.open(own.url, await dashboardLink(own));
    await own.end();
    await own.begin({ WHARF_PORT: new URL(own.url).port });
    assert.equal((await session.call("GET", "/dashboard/session")).status, 200);
  },
  { skip },
);
