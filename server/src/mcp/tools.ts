import type { Tool } from "./tool.ts";
import { deleteFile, fileStatus, listFiles } from "./tools/files.ts";
import { listBuckets } from "./tools/list-buckets.ts";
import { readPage } from "./tools/read-page.ts";
import { search } from "./tools/search.ts";
import { type ReadLocalFile, uploadFile } from "./tools/upload-file.ts";

/** What an agent can do, the same over both transports but for where an upload's bytes come from. */
export function createTools({ local }: { readonly local: ReadLocalFile | null }): readonly Tool[] {
  return [search, readPage, listBuckets, listFiles, fileStatus, uploadFile(local), deleteFile];
}
