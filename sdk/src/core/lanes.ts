/**
 * Works on each of the items, so many `lanes` of them at once, in their order. After a failure no other one is taken,
 * and it rejects with the first when what was under way has ended: nothing runs on behind it.
 */
export async function eachInLanes<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  lanes: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // Shared by the lanes: one that leaves its loop ends it for all.
  const left = oneByOne(items);
  const failures: unknown[] = [];
  const lane = async () => {
    try {
      for await (const item of left) await work(item);
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  if (failures.length > 0) throw failures[0];
}

async function* oneByOne<Item>(items: Iterable<Item> | AsyncIterable<Item>): AsyncGenerator<Item> {
  yield* items;
}
