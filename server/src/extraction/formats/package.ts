import { documentFault } from "../fault.ts";
import type { Format } from "./format.ts";

export async function packageFormat(_bytes: Buffer): Promise<Format> {
  throw documentFault("unsupported_file_type");
}
