import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { Api } from "../support/api.ts";
import { dashboardLink } from "../support/dashboard.ts";
import { fileOf, formOf, inBucketOf, sendForm } from "../support/form.ts";
import { listAt, textAt } from "../support/json.ts";
import type { TestServer } from "../support/server.ts";
import { ownServer } from "../support/target.ts";
import { closeBrowserAtEnd, inPage, NO_BROWSER, PLAIN_HOST, type Visitor, visitor } from "./browser.ts";
import { freePort, otherOrigin } from "./other-servers.ts";

closeBrowserAtEnd();
const started = NO_BROWSER === false ? [await startAt("127.0.0.1"), await startAt(PLAIN_HOST)] : [];

/** A server that is known by that name. */
async function startAt(host: string): Promise<{ readonly server: TestServer; readonly address: string }> {
  const port = await freePort();
  const server = await ownServer({ WHARF_PORT: String(port), WHARF_PUBLIC_URL: `http://${host}:${port}` });
  return { server, address: `http://127.0.0.1:${port}` };
}

/**
 * Another port of the same host is the same site: SameSite=Strict lets its pages send the cookie. On this machine's own
 * address browsers say where a request comes from (Sec-Fetch-Site); over plain HTTP to any other they do not.
 */
for (const [number, host] of ["127.0.0.1", PLAIN_HOST].entries())
  describe(`a page on another port of ${host}`, { skip: NO_BROWSER, timeout: 900_000 }, () => {
    let api: Api;
    let visit: Visitor;
    let elsewhere: Page;
    let other: Awaited<ReturnType<typeof otherOrigin>>;
    let fileId: string;
    before(async () => {
      const own = started[number];
      assert.ok(own !== undefined);
      api = new Api(own.address, own.server.key);
      // Its upload URLs have the name that only the browser knows.
      const form = formOf([fileOf("The signal mast is painted white.", "mast.txt"), ...inBucketOf(api)]);
      fileId = textAt((await sendForm(api, form)).json, "id");
      await api.settled(fileId);
      visit = await visitor();
      await visit.page.goto(await dashboardLink(own.server));
      await visit.page.getByRole("heading", { name: "Drop documents" }).waitFor();
      elsewhere = await visit.context.newPage();
      other = await otherOrigin();
      await elsewhere.goto(`http://${host}:${other.port}/`);
    });
    after(() => visit?.context.close());

    const base = () => new URL(visit.page.url()).origin;
    const there = (script: string) =>
      elsewhere.evaluate<string>(
        `(async () => { const base = ${JSON.stringify(base())}, file = ${JSON.stringify(fileId)}; ${script} })().catch(() => "shut")`,
      );

    test("is sent the cookie, too, and reads nothing with it", async () => {
      assert.equal(await inPage(visit.page, "fetch('v1/knowledge/files').then(({ status }) => status)"), 200);
      assert.ok(
        other.cookies.some((cookie) => cookie.includes("wharf_session")),
        "cookies know no ports",
      );
      for (const path of ["v1/knowledge/files", "dashboard/session", `v1/knowledge/files/${fileId}/text`])
        for (const mode of ["cors", "no-cors"]) {
          const url = `base + "/${path}"`;
          const options = `{ mode: "${mode}", credentials: "include" }`;
          const said = await there(`const answer = await fetch(${url}, ${options}); return "read " + answer.type;`);
          assert.equal(said, "shut", `${mode} ${path}`);
        }
    });

    test("loads nothing of it as an image, a script, a style or a frame", async () => {
      for (const path of [
        "v1/knowledge/files",
        "dashboard/session",
        "assets/app.js",
        "assets/icon.svg",
        "assets/app.css",
      ])
        for (const [part, more] of [
          ["img", "src"],
          ["script", "src"],
          ["link", "href"],
        ] as const)
          assert.equal(
            await there(`return new Promise((resolve) => {
              const part = document.createElement("${part}");
              part.rel = "stylesheet";
              part.onload = () => resolve("loaded");
              part.onerror = () => resolve("shut");
              part.${more} = base + "/${path}";
              document.body.append(part);
            });`),
            "shut",
            `${part} of ${path}`,
          );
      for (const path of ["", "v1/knowledge/files", "dashboard/session", "v1/knowledge/buckets"]) {
        await there(`return new Promise((resolve) => {
          document.querySelector("iframe")?.remove();
          const frame = document.createElement("iframe");
          frame.onload = () => resolve("over");
          frame.src = base + "/${path}";
          document.body.append(frame);
        });`);
        for (const frame of elsewhere.frames().slice(1)) {
          const text = await frame.content().catch(() => "");
          assert.doesNotMatch(text, /mast\.txt|"team"|Wharf<|acceptance-/, `a frame of /${path}`);
        }
      }
    });

    test("changes nothing: no bucket is made, no file is deleted, nobody is signed out", async () => {
      const json = `"Content-Type": "application/json"`;
      for (const [what, call] of [
        [
          "POST",
          `fetch(base + "/v1/knowledge/buckets", { method: "POST", credentials: "include", headers: { ${json} }, body: '{"slug":"stolen"}' })`,
        ],
        [
          "simple POST",
          `fetch(base + "/v1/knowledge/buckets", { method: "POST", mode: "no-cors", credentials: "include", body: '{"slug":"stolen"}' })`,
        ],
        ["DELETE", `fetch(base + "/v1/knowledge/files/" + file, { method: "DELETE", credentials: "include" })`],
        ["sign-out", `fetch(base + "/dashboard/session", { method: "DELETE", credentials: "include" })`],
        [
          "sign-in",
          `fetch(base + "/dashboard/session", { method: "POST", mode: "no-cors", credentials: "include", body: '{"link":"x"}' })`,
        ],
      ] as const)
        assert.equal(await there(`const answer = await ${call}; return answer.type;`), "shut", what);
      await there(`const form = document.createElement("form");
        form.method = "POST"; form.enctype = "text/plain"; form.action = base + "/v1/knowledge/buckets"; form.target = "frame";
        const frame = document.createElement("iframe"); frame.name = "frame";
        const field = document.createElement("input"); field.name = '{"slug":"stolen","a":"'; field.value = '"}';
        form.append(field); document.body.append(frame, form);
        return new Promise((resolve) => { frame.onload = () => resolve("over"); form.submit(); });`);
      assert.equal(listAt((await api.get("/v1/knowledge/buckets")).json, "buckets").length, 1);
      assert.equal((await api.file(fileId)).status, 200);
      await visit.page.reload();
      await visit.page.getByRole("heading", { name: "Drop documents" }).waitFor();
      await visit.page.locator("[data-list=newest]").getByText("mast.txt").waitFor();
    });
  });
