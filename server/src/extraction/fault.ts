import { FILE_ERRORS } from "../errors.ts";
import { ExtractionFault } from "./extractor.ts";

type FaultCode = ExtractionFault["code"];

/**
 * What a document did wrong, as its reader found it: permanent, because the same bytes give the same answer.
 * The client reads the general sentence (what it is, what to do), then where and why reading stopped.
 */
export function documentFault(code: FaultCode, detail?: string): ExtractionFault {
  return new ExtractionFault(code, sentence(code, detail), { permanent: true, death: false });
}

/** The child died or ran out of its time or memory. Another try may go better (the machine was short): two are permanent. */
export function deathFault(code: FaultCode, detail: string): ExtractionFault {
  return new ExtractionFault(code, sentence(code, detail), { permanent: false, death: true });
}

function sentence(code: FaultCode, detail: string | undefined): string {
  return detail === undefined ? FILE_ERRORS[code] : `${FILE_ERRORS[code]} (${detail})`;
}

/** The reader's own state is broken by the document (a WASM trap): the child tells the fault and ends. */
export class ReaderTrap extends Error {
  override readonly name = "ReaderTrap";
  readonly fault: ExtractionFault;

  constructor(fault: ExtractionFault) {
    super(fault.message);
    this.fault = fault;
  }
}
