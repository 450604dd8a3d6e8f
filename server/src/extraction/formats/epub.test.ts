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

/** A book called "Book" of these chapters: names and bodies. */
function bookOf(
  chapters: readonly (readonly [name: string, body: string])[],
  itemsXml = "",
  parts: readonly ZipPart[] = [],
): Buffer {
  const items = chapters.map(([name]) => `<item id="${name}" href="${name}"/>`).join("");
  const spine = chapters.map(([name]) => `<itemref idref="${name}"/>`).join("");
  return zipFile([
    { name: "mimetype", data: "application/epub+zip" },
    { name: "META-INF/container.xml", data: '<container><rootfile full-path="book.opf"/></container>' },
    {
      name: "book.opf",
      data: `<package><metadata><dc:title>Book</dc:title></metadata>${items}${itemsXml}<spine>${spine}</spine></package>`,
    },
    ...chapters.map(([name, body]) => ({ name, data: `<html>${body}</html>` })),
    ...parts,
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
    name: "EPUB chapters have the named characters of HTML, and those of XML stay text",
    bytes: bookOf([["a.xhtml", "<p>Caf&eacute;&nbsp;&mdash; &amp;eacute; &lt;b&gt; &nosuch; &copy;</p>"]]),
    gives: ["Café — &eacute; <b> &nosuch; ©"],
  },
  {
    name: "EPUB labels tell chapters apart: the table of contents, then a title of its own, a place within, a heading",
    bytes: bookOf(
      [
        ["a.xhtml", "<title>Book</title><p>a</p>"],
        ["b.xhtml", "<title>Own</title><p>b</p>"],
        ["c.xhtml", "<title>Own</title><p>c</p>"],
        ["d.xhtml", "<title>Book</title><h2>Heading</h2>"],
        ["e.xhtml", "<title>Book</title><p>e</p>"],
      ],
      '<item href="nav.xhtml" id="n" properties="nav scripted"/>',
      [
        {
          name: "nav.xhtml",
          data:
            '<nav epub:type="landmarks"><a href="b.xhtml">Wrong</a></nav><nav epub:type="toc"><ol><li><a href="a.xhtml">Listed <b>one</b></a>' +
            '<ol><li><a href="b.xhtml#x">Place</a></li></ol></li><li><a href="c.xhtml#y">Place in c</a></li></ol></nav>',
        },
      ],
    ),
    gives: [
      "Listed one: Book\n\na",
      "Own: Own\n\nb",
      "Place in c: Own\n\nc",
      "Heading: Book\n\n## Heading",
      "Book: Book\n\ne",
    ],
  },
  {
    name: "EPUB chapters are labelled as the older table of contents calls them",
    bytes: bookOf(
      [["a.xhtml", "<title>Book</title><p>a</p>"]],
      '<item href="t.ncx" id="t" media-type="application/x-dtbncx+xml"/>',
      [
        {
          name: "t.ncx",
          data: '<ncx><docTitle><text>Book</text></docTitle><navPoint><navLabel><text>First</text></navLabel><content src="a.xhtml"/></navPoint></ncx>',
        },
      ],
    ),
    gives: ["First: Book\n\na"],
  },
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
