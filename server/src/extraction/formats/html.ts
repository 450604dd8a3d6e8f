import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";

export function* readHtml(_text: string): Generator<PageText> {
  throw documentFault("unsupported_file_type");
}
