import { brandId } from "../ids.ts";
import type { GivenPassage } from "./writer.ts";

/** A passage that is the whole text of a file. */
export function givenPassage(text: string, n = 0): GivenPassage {
  return {
    fileId: brandId("file", `file_${n}`),
    filename: `${n}.txt`,
    title: "",
    page: 1,
    charStart: 0,
    charEnd: text.length,
    text,
    score: 1,
  };
}
