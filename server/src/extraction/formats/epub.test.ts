import { checkPages } from "../fixtures/check-pages.ts";
import { type ZipPart, zipFile } from "../fixtures/zip-file.ts";

function book(extra: readonly ZipPart[] = []): Buffer {
  return zipFile([
    { name: "mimetype", data: "application/epub+zip" },
    { name: "META-INF/container.xml", data: '<container><rootfile full-path="OEBPS/book.opf"/></container>' },
    {
      name: "OEBPS/book.opf",
      data: '<package><item id="a" href="one%20a.xhtml"/><item id="b" href="two.xhtml"/><spine><itemref idref="b"/><itemref idref="a"/><itemref idref="lost"/></spine></package>',
    },
    {
      name: "OEBPS/one a.xhtml",
      data: '<html><head><script src="x"/></head><body><h1>Second chapter</h1><p>a</p></body></html>',
    },
    {
      name: "OEBPS/two.xhtml",
      data: '<?xml version="1.0"?><html><head><title>First</title></head><body><p>b</p></body></html>',
    },
    ...extra,
  ]);
}

function protection(algorithm: string): readonly ZipPart[] {
  return [
    {
      name: "META-INF/encryption.xml",
      data: `<encryption><enc:EncryptionMethod Algorithm="${algorithm}"/></encryption>`,
    },
  ];
}

const CHAPTERS = ["First: First\n\nb", "Second chapter: # Second chapter\n\na"];

checkPages([
  { name: "EPUB chapters come in the spine's order with their titles", bytes: book(), gives: CHAPTERS },
  {
    name: "an EPUB with scrambled fonts is read",
    bytes: book(protection("http://www.idpf.org/2008/embedding")),
    gives: CHAPTERS,
  },
  {
    name: "a protected EPUB is encrypted",
    bytes: book(protection("http://www.w3.org/2001/04/xmlenc#aes128-cbc")),
    gives: "encrypted_file",
  },
]);
