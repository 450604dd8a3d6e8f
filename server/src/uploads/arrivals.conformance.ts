import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ArrivalsUnderTest, Case } from "./conformance-arrivals.ts";
import { ARRIVING } from "./conformance-arriving.ts";
import { LEAVING } from "./conformance-leaving.ts";
import { SEALING } from "./conformance-sealing.ts";
import { TAKING_IN } from "./conformance-taking-in.ts";

/** A case that an adapter cannot run, and why. */
export interface Skip {
  readonly title: string;
  readonly reason: string;
}

/** What every way in which bytes arrive does, sentence by sentence of the port. */
export const CASES: readonly Case[] = [...ARRIVING, ...TAKING_IN, ...SEALING, ...LEAVING];

/** Every case on an adapter of its own, empty. */
export function describeArrivals(
  name: string,
  open: () => Promise<ArrivalsUnderTest>,
  options: { readonly skip: readonly Skip[] },
): void {
  describe(`arrivals ${name}`, () => {
    for (const one of CASES) {
      const skip = options.skip.find(({ title }) => title === one.title)?.reason;
      test(one.title, skip === undefined ? {} : { skip }, async () => {
        assert.equal(await failureOf(one, open), null);
      });
    }
  });
}

/** Runs a case on a new adapter; null: it holds. */
export async function failureOf(one: Case, open: () => Promise<ArrivalsUnderTest>): Promise<unknown> {
  const t = await open();
  try {
    await one.run(t);
    return null;
  } catch (error) {
    return error;
  } finally {
    await t.close();
  }
}
