import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, messageOf, wait } from "../api.ts";
import { useApp } from "./app-context.ts";

export interface Loaded<T> {
  /** The last that came; it stays while the next one is on its way. */
  readonly value: T | null;
  /** Why there is nothing newer. */
  readonly error: string | null;
  readonly isLoading: boolean;
  readonly again: () => void;
}

/** What `load` answers, anew whenever `key` changes; a server that was away is asked again once it is back. */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const { api } = useApp();
  const [state, setState] = useState<{ key: string; value: T | null; error: string | null; isLoading: boolean }>({
    ...{ key: "", value: null, error: null, isLoading: true },
  });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const stop = new AbortController();
    setState((old) => ({ ...old, isLoading: true, error: null }));
    const run = async (): Promise<void> => {
      try {
        const value = await latest.current(stop.signal);
        if (!stop.signal.aborted) setState({ key, value, error: null, isLoading: false });
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((old) => ({ ...old, key, error: messageOf(error), isLoading: false }));
        if (!(error instanceof ApiError) || error.status !== 0) return;
        await wait(500, stop.signal);
        await api.back();
        if (!stop.signal.aborted) await run();
      }
    };
    void run();
    return () => stop.abort();
  }, [key, round, api]);
  // Until the effect has run, what is there belongs to another key: it must not pass for what was asked for.
  return { ...state, isLoading: state.isLoading || state.key !== key, again: () => setRound((old) => old + 1) };
}
