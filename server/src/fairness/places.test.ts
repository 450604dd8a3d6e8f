import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { WharfError } from "../errors.ts";
import { brandId } from "../ids.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { type Holder, type Place, Places } from "./places.ts";

const team = (name: string, key: string | null = null): Holder => ({
  teamId: brandId("team", `team_${name}`),
  keyId: key === null ? null : brandId("key", `key_${name}_${key}`),
});

/** Takes until it is refused. */
function takeAll(places: Places, by: Holder): readonly Place[] {
  const taken: Place[] = [];
  for (let place = places.tryTake(by); typeof place !== "string"; place = places.tryTake(by)) taken.push(place);
  return taken;
}

describe("places that teams share", () => {
  test("a team alone takes half of them, the next one half of the rest, and so on until the last", () => {
    const places = new Places({ name: "downloads", total: 200 });
    const shares = ["a", "b", "c", "d", "e", "f", "g", "h"].map((name) => takeAll(places, team(name)).length);
    assert.deepEqual(shares, [100, 50, 25, 13, 6, 3, 2, 1]);
    assert.equal(places.taken, 200);
    assert.equal(places.tryTake(team("i")), "all");
  });

  test("a key alone takes three quarters of its team's share, and leaves the rest to the team's other keys", () => {
    const places = new Places({ name: "downloads", total: 200 });
    assert.equal(takeAll(places, team("a", "1")).length, 75);
    assert.equal(places.tryTake(team("a", "1")), "key");
    assert.equal(takeAll(places, team("a", "2")).length, 19);
    assert.equal(places.tryTake(team("a", "2")), "key");
    takeAll(places, team("a", "3"));
    takeAll(places, team("a"));
    assert.equal(places.tryTake(team("a")), "team");
    assert.ok(takeAll(places, team("b", "1")).length > 30);
  });

  test("one place, or two, are enough for one holder", () => {
    for (const total of [1, 2]) {
      const places = new Places({ name: "downloads", total });
      assert.equal(takeAll(places, team("a", "1")).length, 1);
    }
  });

  test("what is freed can be taken again, and freeing twice frees one", () => {
    const places = new Places({ name: "downloads", total: 4 });
    const [first, second] = takeAll(places, team("a"));
    first?.free();
    first?.free();
    assert.equal(places.taken, 1);
    second?.free();
    assert.equal(takeAll(places, team("a")).length, 2);
  });

  test("a refusal is overloaded, says whose share is used up and when to come again, and is counted", () => {
    const counted: unknown[] = [];
    const metrics: Metrics = { count: (name, labels) => counted.push([name, labels]), observe() {} };
    const places = new Places({ name: "searches", total: 8, metrics });
    takeAll(places, team("a", "1"));
    counted.length = 0;
    assert.throws(
      () => places.take(team("a", "1")),
      (error: unknown) =>
        error instanceof WharfError &&
        error.code === "overloaded" &&
        error.headers["Retry-After"] === "1" &&
        /This key has as many searches under way as its share allows\. Let some of them end/.test(error.message) &&
        error.details["share"] === "key",
    );
    assert.deepEqual(counted, [["wharf_places_refused_total", { of: "searches", share: "key" }]]);
  });

  test("whatever three teams take and free, a fourth finds a place", () => {
    const step = fc.record({
      team: fc.constantFrom("a", "b", "c"),
      key: fc.constantFrom("1", "2"),
      free: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 64 }), fc.array(step, { maxLength: 200 }), (total, steps) => {
        const places = new Places({ name: "x", total });
        const held: Place[] = [];
        for (const { team: name, key, free } of steps) {
          if (free) held.shift()?.free();
          else {
            const place = places.tryTake(team(name, key));
            if (typeof place !== "string") held.push(place);
          }
          assert.equal(places.taken, held.length);
        }
        assert.equal(typeof places.tryTake(team("d")), "object");
      }),
    );
  });
});
