import { stripTypeScriptTypes } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { Sources } from "./child-code.ts";

/** The thread of `loadChildCode`: takes the types out of what it is given, answers once, and ends. */
const sources: Sources = workerData;
parentPort?.postMessage(
  Object.fromEntries(Object.entries(sources).map(([url, source]) => [url, stripTypeScriptTypes(source)])),
);
