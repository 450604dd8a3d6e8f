import { runReaderThread } from "../catalogue/reader-thread.ts";
import { OPERATIONS } from "../operations.ts";

/** Entry of the thread that reads the catalogue (catalogue/reader-thread.ts). */
runReaderThread(OPERATIONS);
