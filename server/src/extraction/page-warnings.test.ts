import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../limits.ts";
import { PageWarnings } from "./page-warnings.ts";

test("pages with the same warning are one entry, however often they say it", () => {
  const warnings = new PageWarnings();
  const hidden = { code: "part_skipped", finding: "hidden_sheets" } as const;
  warnings.add(2, [hidden, hidden]);
  warnings.add(3, [{ code: "empty_page", finding: "picture_page" }]);
  warnings.add(5, [hidden]);
  assert.deepEqual(warnings.all(), [
    { ...hidden, pages: [2, 5] },
    { code: "empty_page", finding: "picture_page", pages: [3] },
  ]);
});

test("a warning names the first pages only (§11)", () => {
  const warnings = new PageWarnings();
  for (let page = 1; page <= 300; page++) warnings.add(page, [{ code: "part_skipped", finding: "hidden_slides" }]);
  const pages = Array.from({ length: LIMITS.warningPages }, (_, index) => index + 1);
  assert.deepEqual(warnings.all(), [{ code: "part_skipped", finding: "hidden_slides", pages }]);
});
