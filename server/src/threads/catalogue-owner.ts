import { runOwnerThread } from "../catalogue/owner-thread.ts";
import { OPERATIONS } from "../operations.ts";

/** Entry of the thread that writes the catalogue (catalogue/owner-thread.ts). */
await runOwnerThread(OPERATIONS);
