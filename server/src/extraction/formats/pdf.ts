import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";

export function* readPdf(_bytes: Buffer): Generator<PageText> {
  throw documentFault("unsupported_file_type");
}
