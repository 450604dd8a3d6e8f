/**
 * Counts the changes of what a document's text is: one more whenever the same original gives another text, other pages
 * or another outcome. Each file records which one read it last, and `wharf reindex --outdated` has those read again
 * that an older one read. Say so in CHANGELOG.md.
 *
 * 1: up to the first schema, which recorded none. 2: encodings, white space, rows, mail, warnings, garbled text. 3:
 * pages and headings of Word and OpenDocument, numbers and cells of spreadsheets, hidden things, notes and boxes, EPUB
 * labels. 4: long mails with two bodies, mails with empty lines before a mark, Dutch of the Macintosh, rows of one cell
 * that run over pages, times and truth values of ODS cells without a paragraph. 5: DOS' code pages
 * 437, 850 and 852 where a file names them. 6: letters of JSON that are written as numbers.
 */
export const EXTRACTOR_VERSION = 6;
