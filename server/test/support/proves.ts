import { type TestContext, test } from "node:test";
import { EMBEDDED_ONLY, type RequirementId } from "../requirements.ts";
import { CONFIG } from "./target.ts";

/** A test that hangs is ended, and one on a machine that is busy with something else is not. */
const HUNG_MS = 900_000;

export interface ProofOptions {
  /** Why it cannot run here. */
  readonly skip?: string | false;
  readonly timeout?: number;
}

/**
 * A test that proves sentences of the contract. Its name is the guarantee, then the ids: `requirements.test.ts` reads
 * them. When the bytes are at Google and every id is a rule of ours alone, it is skipped with that reason.
 */
export function proves(
  ids: readonly RequirementId[],
  guarantee: string,
  body: (context: TestContext) => Promise<void> | void,
  { skip = false, timeout = HUNG_MS }: ProofOptions = {},
): void {
  const oursAlone = CONFIG.store === "gcs" && ids.every((id) => EMBEDDED_ONLY.has(id));
  const reason = oursAlone ? "embedded: upload_url is Google's here, and this rule is ours alone" : skip;
  test(`${guarantee} (${ids.join(", ")})`, { skip: reason, timeout }, body);
}
