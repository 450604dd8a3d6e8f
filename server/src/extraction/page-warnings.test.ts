import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../limits.ts";
import { PageWarnings } from "./page-warnings.ts";

test("pages with the same warning are one entry, however often they say it", () => {
  const warnings = new PageWarnings();
  const hidden = { code: "part_skipped", detail: "hidden sheets" } as const;
  warnings.add(2, [hidden, hidden]);
  warnings.add(3, [{ code: "empty_page", detail: "pictures" }]);
  warnings.add(5, [hidden]);
  assert.deepEqual(
    warnings.all().map(({ code, pages }) => [code, pages]),
    [
      ["part_skipped", [2, 5]],
      ["empty_page", [3]],
    ],
  );
  assert.match(warnings.all()[0]?.message ?? "", /left out\. \(hidden sheets\)$/);
});

test("warnings keep the contract's bounds, whatever a document does (§11)", () => {
  const warnings = new PageWarnings();
  for (let page = 1; page <= 300; page++)
    warnings.add(
      page,
      Array.from({ length: 30 }, (_, kind) => ({ code: "part_skipped", detail: `${kind} ${"x".repeat(1000)}` })),
    );
  const all = warnings.all();
  assert.equal(all.length, LIMITS.warnings);
  for (const { message, pages } of all) {
    assert.equal(message.length, LIMITS.warningChars);
    assert.deepEqual(
      pages,
      Array.from({ length: LIMITS.warningPages }, (_, index) => index + 1),
    );
  }
});
