import {
  createLink,
  endSessions,
  forgetEverySignIn,
  forgetSignIns,
  redeemLink,
} from "../../src/access/dashboard.store.ts";
import { hashSecret } from "../../src/access/dashboard-secret.ts";
import { dropStrangeSignIns } from "../../src/doctor/retention.store.ts";
import { LIMITS } from "../../src/limits.ts";
import type { CatalogueUnderTest, Making, Rivals } from "./under-test.ts";
import { caller, World } from "./world.ts";

/** Links of one use, and the sessions that they become. */
export const RIVALS_OF_DASHBOARD: readonly Rivals[] = [
  {
    name: "a sign-in link, and a browser that is signed in",
    naive: [],
    async prepare(on) {
      const signedIn = await prepareSignIns(on);
      return ofSignIns(on, signedIn);
    },
  },
  {
    name: "a sign-in link and a session whose time is over",
    about: ["forgetSignIns"],
    naive: [],
    async prepare(on) {
      const signedIn = await prepareSignIns(on);
      on.passMs(LIMITS.dashboardSessionMs + 1);
      return ofSignIns(on, signedIn);
    },
  },
];

const LINK = hashSecret("link");

async function prepareSignIns(on: CatalogueUnderTest) {
  await World.open(on);
  const first = { id: on.ids.next("dash"), hash: hashSecret("first") };
  await on.catalogue.run(createLink, { hash: hashSecret("used"), teamSlug: "team", scopes: ["search"] });
  await on.catalogue.run(redeemLink, { linkHash: hashSecret("used"), session: first });
  await on.catalogue.run(createLink, { hash: LINK, teamSlug: "team", scopes: ["search"] });
  return first;
}

function ofSignIns(on: CatalogueUnderTest, { id }: Awaited<ReturnType<typeof prepareSignIns>>): Making {
  const { call } = caller(on);
  const session = () => {
    const fresh = on.ids.next("dash");
    return { id: fresh, hash: hashSecret(fresh) };
  };
  return {
    createLink: () => call(createLink, { hash: hashSecret(on.ids.next("dash")), teamSlug: "team", scopes: [] }),
    redeemLink: () => call(redeemLink, { linkHash: LINK, session: session() }),
    endSession: () => call(endSessions, { id, teamSlug: null }),
    endSessionsOfTeam: () => call(endSessions, { id: null, teamSlug: "team" }),
    forgetSignIns: () => call(forgetSignIns, { limit: 10 }),
    dropStrangeSignIns: () => call(dropStrangeSignIns, {}),
    forgetEverySignIn: () => call(forgetEverySignIn, {}),
  };
}
