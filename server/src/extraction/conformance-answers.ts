import type { ExtractionEvent, ExtractionFault } from "./extractor.ts";

/** What becomes of documents whose reader (fixtures/children/misbehaving.ts) does not read them to their end. */
export interface Fate {
  readonly code: ExtractionFault["code"];
  readonly permanent: boolean;
  readonly death: boolean;
  readonly says: RegExp;
}

/**
 * On a loaded machine a spinning reader, at nice 10, may reach its wall time first: which of the two is
 * budget.test.ts's.
 */
export const UNFINISHED_ANSWERS: Readonly<Record<string, Fate>> = {
  fault: { code: "encrypted_file", permanent: true, death: false, says: /protected \(DRM\)/ },
  "a fault alone": { code: "unsupported_file_type", permanent: true, death: false, says: /./ },
  trap: { code: "too_complex", permanent: true, death: false, says: /Reading stopped on page 2\./ },
  spin: { code: "extraction_timeout", permanent: false, death: true, says: /page 2.*it took more than/ },
  wait: { code: "extraction_timeout", permanent: false, death: true, says: /page 2.*more than 1\.5 s/ },
  memory: { code: "extraction_memory", permanent: false, death: true, says: /page 2.*memory/ },
  heap: { code: "extraction_memory", permanent: false, death: true, says: /page 2.*memory/ },
  abort: { code: "too_complex", permanent: false, death: true, says: /page 2.*SIG(?:ABRT|SEGV|TRAP|ILL)/ },
  exit: { code: "too_complex", permanent: false, death: true, says: /page 2.*exit code 3/ },
};

/** What breaks the protocol. `handedOn`: the events that came before, in order. */
export const HOSTILE_ANSWERS: Readonly<Record<string, { readonly handedOn: readonly ExtractionEvent["kind"][] }>> = {
  garbage: { handedOn: ["type", "page"] },
  "ready again": { handedOn: ["type", "page"] },
  "nothing at all": { handedOn: [] },
  "a page before the type": { handedOn: [] },
  "warnings before the type": { handedOn: [] },
  "a second type": { handedOn: ["type", "page"] },
  "wrong page": { handedOn: ["type", "page"] },
  "a long label": { handedOn: ["type", "page"] },
  "a page without end": { handedOn: ["type", "page", "page"] },
  "wrong chunk": { handedOn: ["type", "page"] },
  "an empty chunk": { handedOn: ["type", "page"] },
  "chunks out of order": { handedOn: ["type", "page", "chunks"] },
  "a page behind the warnings": { handedOn: ["type", "page", "warnings"] },
  "a chunk behind the warnings": { handedOn: ["type", "page", "warnings"] },
  "warning of a page to come": { handedOn: ["type", "page"] },
  "warning of a page twice": { handedOn: ["type", "page"] },
  "warnings twice": { handedOn: ["type", "page", "warnings"] },
};

/** What somebody else does to a reader in the middle of a document. */
export const FROM_OUTSIDE: Readonly<Record<"SIGKILL" | "SIGSTOP", Fate>> = {
  SIGKILL: { code: "internal", permanent: false, death: true, says: /page 2.*ended from outside/ },
  SIGSTOP: { code: "extraction_timeout", permanent: false, death: true, says: /page 2/ },
};
