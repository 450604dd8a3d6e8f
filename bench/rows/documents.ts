import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pdfFile } from "../../server/src/extraction/fixtures/pdf-file.ts";
import type { Document } from "../load/job.ts";
import { English } from "../text/english.ts";

const MAX_BYTES = 25 * 1024 * 1024;
const PAGE_CHARS = 1800;

/** Documents of generated English, written into `folder`. */
export function onePageText(folder: string, seed: number): Document {
  return made(folder, `page-${seed}.txt`, "text/plain", new English(seed).text(PAGE_CHARS));
}

export function pdfOf(folder: string, pages: number): Document {
  const english = new English(pages);
  const texts = Array.from({ length: pages }, () => english.text(PAGE_CHARS).replaceAll("\n", " "));
  return made(folder, `pages-${pages}.pdf`, "application/pdf", pdfFile({ pages: texts }));
}

/** As large as a file may be: text, and the formats that are text with something around it. */
export function largest(folder: string): readonly Document[] {
  const text = new English(25).text(MAX_BYTES);
  const paragraphs = text.split("\n\n");
  const html = paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join("\n");
  const csv = paragraphs.map((paragraph, line) => `${line},"${paragraph}"`).join("\n");
  return [
    made(folder, "large.txt", "text/plain", text),
    made(folder, "large.html", "text/html", `<!doctype html><title>Large</title>${html}`.slice(0, MAX_BYTES)),
    made(folder, "large.csv", "text/csv", csv.slice(0, MAX_BYTES)),
  ];
}

function made(folder: string, name: string, contentType: string, content: string | Uint8Array): Document {
  const path = join(folder, name);
  writeFileSync(path, content);
  return { path, filename: name, title: name, contentType, bucket: "bench" };
}
