import assert from "node:assert/strict";
import { test } from "node:test";
import { EVIL_WORDS } from "./fixtures/attacks/protocol-attacks.ts";
import { endedTooEarly } from "./start-trouble.ts";

const cases: readonly (readonly [lastWords: string, says: RegExp])[] = [
  ["unshare: unshare failed: Operation not permitted", /\(exit code 1, unshare\): this machine does not permit it/],
  ["bwrap: setting up uid map: Permission denied", /\(exit code 1, bwrap\): this machine does not permit it/],
  ["spawn /usr/bin/prlimit ENOENT", /\(exit code 1, no tool named\): a tool, a library or a file .* is missing/],
  ["node: error while loading shared libraries: libatomic.so.1: cannot open shared object", /node\): a tool, a lib/],
  ["Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/app/server/src/extraction/child.ts'", /is missing/],
  ["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", /no memory/],
  ["setpriv: setresuid failed: Resource temporarily unavailable", /setpriv\): no more processes/],
  ["spawn node EMFILE", /no more files/],
  ["unshare: unshare failed: No space left on device", /no more namespaces/],
  ["bwrap: Unknown option --disable-userns", /too old/],
  ["", /\(exit code 1, no tool named\): the reason is not known\.$/],
];

for (const [lastWords, says] of cases)
  test(`why a child could not be started is recognised, and not repeated: ${lastWords}`, () => {
    const words = `${EVIL_WORDS}\n${lastWords}\n${EVIL_WORDS}`;
    const { message } = endedTooEarly({ exitCode: 1, signal: null, lastWords: words });
    assert.match(message, says);
    assert.ok(!message.includes(EVIL_WORDS), message);
  });

test("a signal that ended it is named", () => {
  assert.match(endedTooEarly({ exitCode: null, signal: "SIGSYS", lastWords: "" }).message, /\(SIGSYS, /);
});
