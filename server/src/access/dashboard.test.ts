import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { createClock, createClockOffset, shiftClock } from "../clock.ts";
import { openCatalogue } from "../engines/catalogue.ts";
import { createIdSource } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { forgetSignIns } from "./dashboard.store.ts";
import { createDashboardLink, findDashboardCaller, listDashboardSessions, signIn } from "./dashboard.ts";
import { createApiKey } from "./keys.ts";

describe("signing in", () => {
  let folder: string;
  let catalogue: Catalogue;
  const offset = createClockOffset();
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "wharf-dashboard-"));
    const fatal = (error: Error) => assert.fail(error);
    catalogue = await openCatalogue({ path: join(folder, "catalogue.db"), fatal, clockOffset: offset });
    await createApiKey({ ...deps() }, { team: "default", name: "first" });
  });
  after(async () => {
    await catalogue.close();
    await rm(folder, { recursive: true });
  });
  const deps = () => ({ catalogue, ids: createIdSource(createClock()), random: randomBytes });
  const secretOf = async () => (await createDashboardLink(deps(), { team: "default" })).path.slice("/#link=".length);
  const passMs = (ms: number) => shiftClock(offset, ms);

  test("a link is good for a minute and a session for twelve hours, and maintenance forgets both (ALL-2)", async () => {
    const [late, used, unused] = [await secretOf(), await secretOf(), await secretOf()];
    const cookie = await signIn(deps(), used);
    passMs(LIMITS.dashboardLinkMs);
    await assert.rejects(signIn(deps(), late), { code: "invalid_api_key", message: /its minute is over/ });
    passMs(LIMITS.dashboardSessionMs - LIMITS.dashboardLinkMs - 10_000);
    assert.ok((await findDashboardCaller(catalogue, cookie)) !== null);
    passMs(10_000);
    assert.equal(await findDashboardCaller(catalogue, cookie), null);
    assert.deepEqual(await listDashboardSessions(catalogue, null), []);

    assert.equal(await catalogue.run(forgetSignIns, { limit: 1 }), 1);
    assert.equal(await catalogue.run(forgetSignIns, { limit: 10 }), 1);
    assert.equal(await catalogue.run(forgetSignIns, { limit: 10 }), 0);
    await assert.rejects(signIn(deps(), unused), { code: "invalid_api_key" });
  });
});
