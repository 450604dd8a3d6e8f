import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const ADDRESSES = [
  "ip link set lo up",
  "ip address add 10.99.0.1/24 dev lo",
  "ip address add 10.99.0.2/24 dev lo",
  "ip address add fd00:b::1/64 dev lo nodad",
  // As many as one machine can choose from.
  'for i in $(seq 1 62); do ip address add "fd00:a::$(printf %x $i)/64" dev lo nodad || exit 1; done',
].join(" && ");

/** A network namespace in which we may do that; nothing in it is reached from outside, and it ends with the process. */
const UNSHARE = ["--user", "--map-root-user", "--net", "sh", "-c"];
const possible = spawnSync("unshare", [...UNSHARE, ADDRESSES]).status === 0;

test("one address, or one /64 of IPv6, has a quarter of the connections; others and loopback are not limited by it", {
  skip: possible ? false : "no network namespace can be made here (unshare, ip)",
  timeout: 120_000,
}, async () => {
  const run = `${ADDRESSES} && ulimit -n 1024 && exec "$0" "$1"`;
  const argv = [...UNSHARE, run, process.execPath, join(import.meta.dirname, "peer-limit-run.ts")];
  const { stderr } = await promisify(execFile)("unshare", argv);
  assert.equal(stderr, "");
});
