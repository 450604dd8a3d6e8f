import assert from "node:assert/strict";
import { test } from "node:test";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";
import { ATTACK_NAMES, ATTACKS } from "./attacks.ts";
import { runBeside } from "./beside-run.ts";

// How long a call takes is the long form's business (beside.ts): here other tests use the same cores. What needs no
// quiet machine is judged: every call of the quiet team is answered as it has to be, nothing that was acknowledged is
// lost, and memory and descriptors come back.
const SHORT = { connections: 400, corpusBytes: 256 * 1024, rounds: 1, quietMs: 500, besideMs: 2500 };

const server = NEEDS_OWN_SERVER === false ? await ownServer({ WHARF_LOG_LEVEL: "warn" }) : null;
for (const attack of ATTACK_NAMES)
  test(`a quiet team is served, and the server is what it was afterwards: ${ATTACKS[attack].what}`, {
    skip: NEEDS_OWN_SERVER,
  }, async (t) => {
    assert.ok(server !== null);
    const { violations, ...report } = await runBeside(server, { attack, ...SHORT });
    t.diagnostic(JSON.stringify(report));
    assert.deepEqual(violations, []);
    assert.ok(report.acknowledged > 0);
  });
