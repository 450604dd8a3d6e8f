import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "../api.ts";
import type { PdfReader } from "../pdf/reader.ts";
import type { Uploads } from "../upload/uploads.ts";
import type { Watch } from "../upload/watch.ts";

/** What every part of the page works with; there is one of each. */
export interface AppParts {
  readonly api: Api;
  readonly uploads: Uploads;
  readonly watch: Watch;
  readonly pdf: PdfReader;
}

export const AppContext = createContext<AppParts | null>(null);

export function useApp(): AppParts {
  const parts = useContext(AppContext);
  if (parts === null) throw new Error("outside the app");
  return parts;
}
