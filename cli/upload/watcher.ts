/** Told what happens to one file's bytes, as it happens. */
export interface BytesWatcher {
  /** Before anything is sent: the size is known. */
  size(bytes: number): void;
  /** Sending starts from here; more than 0 means that an earlier run or try has sent the rest. */
  resumes(bytes: number): void;
  /** So many bytes from the start are sent. */
  at(bytes: number): void;
}

/** Told how far one file's indexing is. */
export interface StageWatcher {
  /** In words: "waiting", "extracting 12/40 pages". */
  stage(text: string): void;
}

export interface Ending {
  /** Nothing more comes. */
  ended(): void;
}

/** Shows the progress of several files at once. */
export interface ProgressView {
  watchBytes(name: string): BytesWatcher & Ending;
  watchIndexing(name: string, sizeBytes: number): StageWatcher & Ending;
  /** Leaves the terminal as it was. */
  close(): void;
}
