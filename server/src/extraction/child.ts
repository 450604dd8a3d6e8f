import { receiveDocument, send } from "./child-io.ts";
import { JoinedBlob } from "./joined-blob.ts";
import { readDocument } from "./read-document.ts";

/**
 * Entry of the child process: reads documents from stdin, one after another, until the server closes it. It runs jailed
 * (sandbox.ts): it may read the program's own code, and nothing else.
 */
// For the mail library: joined-blob.ts says why.
globalThis.Blob = JoinedBlob;
send({ kind: "ready" });
for (let document = receiveDocument(); document !== null; document = receiveDocument()) {
  const { again } = await readDocument(document, send);
  send({ kind: "done", again });
  if (!again) break;
}
