import type { Catalogue } from "../catalogue/catalogue.ts";
import type { SessionId } from "../ids.ts";
import { cancelSession } from "./session.store.ts";

/** Ends a session in a catalogue that no server runs on: its bytes are gone already. */
export async function endSession(catalogue: Catalogue, id: SessionId): Promise<void> {
  await catalogue.run(cancelSession, { id, teamId: null });
}
