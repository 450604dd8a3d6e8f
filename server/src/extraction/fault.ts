import { FILE_ERRORS } from "../errors.ts";
import { ExtractionFault } from "./extractor.ts";
import type { FaultFinding, Finding, ReaderFaultCode } from "./findings.ts";

/** What a document did wrong, within its reader. The server hears `code` and `finding`, and builds the sentence. */
export class DocumentFault extends Error {
  override readonly name = "DocumentFault";
  readonly code: ReaderFaultCode;
  readonly finding: Finding | null;

  constructor(code: ReaderFaultCode, finding: Finding | null) {
    super(finding === null ? code : `${code}: ${finding.id}`);
    this.code = code;
    this.finding = finding;
  }
}

/** `name`: for the finding's `{name}`, one that isFindingName() knows. */
export function documentFault<Code extends ReaderFaultCode>(
  code: Code,
  id?: FaultFinding<Code>,
  name?: string,
): DocumentFault {
  return new DocumentFault(code, id === undefined ? null : { id, name });
}

/**
 * The same as the server throws it: permanent, because the same bytes give the same answer. The client reads the
 * general sentence (what it is, what to do), then `detail`: where and why reading stopped.
 */
export function permanentFault(code: ReaderFaultCode, detail: string | null): ExtractionFault {
  return new ExtractionFault(code, sentence(code, detail), { permanent: true, death: false });
}

/**
 * The child died or ran out of its time or memory. Another try may go better (the machine was short): two are
 * permanent.
 */
export function deathFault(code: ExtractionFault["code"], detail: string): ExtractionFault {
  return new ExtractionFault(code, sentence(code, detail), { permanent: false, death: true });
}

function sentence(code: ExtractionFault["code"], detail: string | null): string {
  return detail === null ? FILE_ERRORS[code] : `${FILE_ERRORS[code]} (${detail})`;
}

/** The reader's own state is broken by the document (a WASM trap): the child tells the fault and ends. */
export class ReaderTrap extends Error {
  override readonly name = "ReaderTrap";
  readonly fault: DocumentFault;

  constructor(fault: DocumentFault) {
    super(fault.message);
    this.fault = fault;
  }
}
