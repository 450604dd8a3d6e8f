import assert from "node:assert/strict";
import { test } from "node:test";
import { Pages } from "./pages.ts";

const BY_CURSOR = new Map<string | null, { readonly items: readonly number[]; readonly next_cursor: string | null }>([
  [null, { items: [1, 2], next_cursor: "b" }],
  ["b", { items: [], next_cursor: "c" }],
  ["c", { items: [3], next_cursor: null }],
]);

function pages() {
  const asked: (string | null)[] = [];
  const list = new Pages(
    async (cursor: string | null) => {
      asked.push(cursor);
      const page = BY_CURSOR.get(cursor);
      assert.ok(page !== undefined);
      return page;
    },
    ({ items }) => items,
  );
  return { asked, list };
}

test("all items come, over an empty page in the middle, until next_cursor is null", async () => {
  const { asked, list } = pages();
  const items: number[] = [];
  for await (const item of list) items.push(item);
  assert.deepEqual(items, [1, 2, 3]);
  assert.deepEqual(asked, [null, "b", "c"]);
});

test("no page is asked for before it is needed", async () => {
  const { asked, list } = pages();
  assert.deepEqual(await list.first(2), [1, 2]);
  assert.deepEqual(asked, [null]);
  assert.deepEqual(await list.first(0), []);
  assert.deepEqual(await list.first(9), [1, 2, 3]);
});
