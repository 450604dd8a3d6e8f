/** Told what happens to one file, as it happens. */
export interface Watcher {
  /** Before anything is sent: the size is known. */
  size(bytes: number): void;
  /** Sending starts from here; more than 0 means that an earlier run or try has sent the rest. */
  resumes(bytes: number): void;
  /** So many bytes from the start are sent. */
  at(bytes: number): void;
  /** The indexing task's stage in words: "waiting", "extracting 12/40 pages". */
  stage(text: string): void;
}

/** Shows the progress of several files at once. */
export interface ProgressView {
  watch(name: string): Watcher & {
    /** The last word on this file. */
    ended(text: string): void;
  };
  /** Leaves the terminal as it was. */
  close(): void;
}
