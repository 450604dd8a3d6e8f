/** The one shape of work that nobody asked for just now. Whoever starts it ends it by the signal. */
export interface BackgroundWork {
  /** One bounded round. True when there was something to do, so that another round may find more. */
  runOnce(): Promise<boolean>;
  /** Rounds until the signal is aborted; resolves when all of it has stopped. Rejects with defects only. */
  start(signal: AbortSignal): Promise<void>;
}
