import assert from "node:assert/strict";
import { test } from "node:test";
import { redactSecrets } from "./log.ts";

test("no log line shows an API key or an upload signature, and every id stays readable", () => {
  const cases = [
    [`{"key":"sk_${"a1".repeat(24)}"}`, `{"key":"sk_[redacted]"}`],
    [`Bearer sk_${"Z".repeat(49)} failed`, "Bearer sk_[redacted] failed"],
    ["/v1/uploads/sess_01abc/Q2hhcmFjdGVycw-_x", "/v1/uploads/sess_01abc/[redacted]"],
    // "task_" ends like a key begins.
    ['{"task":"task_01m8abe7zx5epp2dpmr3wg8bx1"}', '{"task":"task_01m8abe7zx5epp2dpmr3wg8bx1"}'],
  ] as const;
  for (const [line, expected] of cases) assert.equal(redactSecrets(line), expected);
});
