import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromBufferPromise } from "yauzl";
import { encodeText } from "../../src/extraction/fixtures/encode-text.ts";
import { LEGACY_TEXTS } from "../../src/extraction/fixtures/legacy-texts.ts";
import {
  docxFile,
  officeFile,
  openDocumentFile,
  paragraph,
  relationships,
} from "../../src/extraction/fixtures/office-files.ts";
import { pdfFile } from "../../src/extraction/fixtures/pdf-file.ts";
import { type ZipPart, zipFile } from "../../src/extraction/fixtures/zip-file.ts";

/** An intact document that mutations start from. */
export interface Seed {
  readonly filename: string;
  readonly declaredType: string;
  readonly bytes: Buffer;
  /**
   * What a ZIP holds: a mutation of one part, packed again, reaches the reader behind the checksum. Null for
   * other files.
   */
  readonly parts: readonly ZipPart[] | null;
}

/**
 * One or more of every format that is read. `address` is named wherever a format can name one: nobody may ever call it.
 */
export async function builtInSeeds(address: string): Promise<readonly Seed[]> {
  const documents = [...textDocuments(address), ...packages(address)];
  return Promise.all(documents.map(([filename, bytes]) => seedOf(filename, Buffer.from(bytes))));
}

/** The files of a folder, by name. */
export async function seedsOf(folder: string): Promise<readonly Seed[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const sorted = names.map((entry) => entry.name).sort();
  return Promise.all(sorted.map(async (name) => seedOf(name, await readFile(join(folder, name)))));
}

async function seedOf(filename: string, bytes: Buffer): Promise<Seed> {
  const extension = filename.slice(filename.lastIndexOf(".") + 1);
  return { filename, declaredType: TYPES[extension] ?? "", bytes, parts: await partsOf(bytes) };
}

/** Where the content does not tell; the others are found by their bytes. */
const TYPES: Readonly<Record<string, string>> = {
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  json: "application/json",
  html: "text/html",
  eml: "message/rfc822",
};

type Document = readonly [filename: string, bytes: Buffer | string];

/** In its encoding, and without a word of it. */
function legacyText(encoding: string): Document {
  const lines = LEGACY_TEXTS.find(({ encodings }) => encodings.includes(encoding))?.lines ?? [];
  return [`${encoding}.txt`, encodeText(lines.join("\n"), encoding)];
}

function nestedMail(): string {
  const head = "From: a@b.example\nTo: c@d.example\nSubject: Report\nMIME-Version: 1.0\n";
  return (
    `${head}Content-Type: multipart/report; boundary=R\n\n--R\n\n${LINES[0]}\n--R\nContent-Type: message/delivery-status\n\nStatus: 5.1.1\n` +
    '--R\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VEVENT\nSUMMARY:Meet\\, now\nATTENDEE;CN="A: b":mailto:a@b.example\nEND:VEVENT\n' +
    `--R\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename=o.eml\n\n${head}\n${LINES[1]}\n--R--\n`
  );
}

const LINES = ["Harbour pilots board here.", "The lighthouse keeper sleeps.", "Ballast water is exchanged."];

function textDocuments(address: string): readonly Document[] {
  const labels = `<< /Nums [0 << /S /r >> 1 << /P (A-) /S /D /St 7 >>] >> /OpenAction << /S /URI /URI (${address}pdf) >>`;
  const cells = LINES.map((line, at) => `${at},"${line}",=WEBSERVICE("${address}csv")`);
  return [
    ["pages.pdf", pdfFile({ pages: [...LINES, null, address], labels })],
    ["scan.pdf", pdfFile({ pages: [null] })],
    [
      "page.html",
      `<!doctype html><html><head><title>Harbour</title><base href="${address}"><link rel=stylesheet href="${address}css">` +
        `<meta http-equiv=refresh content="0;url=${address}meta"><script src="${address}js">x()</script></head><body><h1>Pilots</h1>` +
        `<p>${LINES.join("<br>")}</p><img src="${address}img" alt="chart"><table><tr><th>a</th><td>1</td></tr></table><pre>  kept  </pre>` +
        `<iframe src="${address}frame"></iframe><ul><li>one<li>two</ul>&copy; &#8364; &nope;</body></html>`,
    ],
    [
      "letter.rtf",
      "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204 Cyr;}}{\\*\\generator X;}" +
        `{\\field{\\*\\fldinst INCLUDEPICTURE "${address}rtf"}{\\fldrslt x}}${LINES.join("\\par ")} K\\'f6nnen \\uc1\\u8364?\\page ` +
        "{\\f1 \\'cf\\'f0\\'e8}\\cell three\\row {\\pict\\bin4 abcd}end}",
    ],
    [
      "form.rtf",
      "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}{\\f1\\fcharset2 Symbol;}{\\f2\\fcharset2 Wingdings;}}a{\\f1 \\'b3\\u-3999?}{\\deleted gone}{\\v hidden}" +
        "{\\shp{\\*\\shpinst{\\sp{\\sn n}{\\sv v}}{\\shptxt boxed\\par}}{\\shprslt old}}{\\footnote note\\page}b\\par\\pard\\intbl c\\par d\\cell\\row\\page end}",
    ],
    ["mail.eml", mail(address)],
    [
      "archive.mbox",
      `From a@b.example Mon Feb  5 10:00:00 2024\n${mail(address)}\nFrom c@d.example Mon Feb  5 11:00:00 2024\n${mail(address)}`,
    ],
    ["report.eml", nestedMail()],
    [
      "saved.mht",
      `MIME-Version: 1.0\nContent-Type: multipart/related; boundary=X\n\n--X\nContent-Type: text/html\n\n<p>${LINES[0]}</p>\n--X--`,
    ],
    [
      "layout.xhtml",
      `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><script src="${address}js"/></head><body><table><tr><td><p>${LINES[0]}</p></td>` +
        `<td/><td hidden="hidden">x<table><tr><td>in</td></tr></table></td></tr></table><p style="display:none">no<p><ruby>a<rt>b</ruby>&eacute;</p></body></html>`,
    ],
    [
      "chart.svg",
      `<svg xmlns="http://www.w3.org/2000/svg"><title>${LINES[0]}</title><image href="${address}svg"/><text x="1">a<tspan y="2">b</tspan></text></svg>`,
    ],
    [
      "flat.fodt",
      '<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:mimetype="application/vnd.oasis.opendocument.text">' +
        `<office:meta><x/></office:meta><office:body><office:text><text:p>${LINES[0]}</text:p></office:text></office:body></office:document>`,
    ],
    ...["shift_jis", "windows-1250", "koi8-r", "utf-16le", "iso-2022-jp"].map(legacyText),
    ["notes.txt", LINES.join("\n\n")],
    ["utf16.txt", Buffer.from(`\ufeff${LINES.join("\n")} ${address}`, "utf16le")],
    ["latin1.txt", Buffer.from(`Schöne Grüße aus dem Hafen. ${LINES.join(" ")}`, "latin1")],
    ["notes.md", `# Harbour\n\n${LINES.join("\n\n")}\n\n![chart](${address}md)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n`],
    ["table.csv", `number,line,more\n${cells.join("\n")}\n`],
    ["record.json", JSON.stringify({ lines: LINES, $ref: `${address}json`, deep: [[[{ n: 1.5e3, u: "\u20ac" }]]] })],
  ];
}

function mail(address: string): string {
  const part = (type: string, body: string, more = "") => `--X\r\nContent-Type: ${type}\r\n${more}\r\n${body}\r\n`;
  return (
    'From: "Ann" <ann@a.example>\r\nTo: bob@b.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Thu, 29 Feb 2024 12:00:00 +0000\r\n' +
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=X\r\n\r\n" +
    part("text/plain; charset=iso-8859-1", `${LINES[0]} Gr=FC=DFe`, "Content-Transfer-Encoding: quoted-printable\r\n") +
    part("text/html; charset=utf-8", `<p>${LINES[1]} <img src="${address}eml"></p>`) +
    part(`message/external-body; access-type=URL; URL="${address}body"`, "Content-Type: text/plain\r\n") +
    part("message/rfc822", `Subject: inner\r\nFrom: c@c.example\r\n\r\n${LINES[2]}`) +
    part(
      "application/pdf",
      "JVBERi0=",
      "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.pdf\r\n",
    ) +
    "--X--\r\n"
  );
}

function packages(address: string): readonly Document[] {
  return [
    ["letter.docx", wordFile(address)],
    ["talk.pptx", deckFile(address)],
    ["book.xlsx", workbookFile(address)],
    [
      "letter.odt",
      openDocumentFile(
        "text",
        '<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Chapter"><style:paragraph-properties fo:break-after="page"/>' +
          '</style:style><text:h text:outline-level="2"><text:soft-page-break/>Head</text:h>' +
          `<text:p>${LINES[0]}<text:s text:c="3"/>x</text:p><text:p text:style-name="P1">two</text:p><draw:image xlink:href="${address}odt"/>` +
          "<text:p>a<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box><svg:title>t</svg:title></draw:frame>b<text:note>" +
          "<text:note-citation>1</text:note-citation><text:note-body><text:p>note</text:p></text:note-body></text:note></text:p>" +
          '<text:section text:display="none"><text:p>hidden</text:p></text:section>' +
          "<table:table><table:table-row><table:table-cell><text:p>x<text:soft-page-break/>y</text:p></table:table-cell></table:table-row></table:table>",
        [
          {
            name: "styles.xml",
            data: '<office:document-styles><style:style style:name="Chapter" style:family="paragraph" style:master-page-name="M"><style:paragraph-properties fo:break-before="page"/></style:style></office:document-styles>',
          },
        ],
      ),
    ],
    [
      "sheet.ods",
      openDocumentFile(
        "spreadsheet",
        `<table:table table:name="A"><table:table-row><table:table-cell table:number-columns-repeated="3"><text:p>${LINES[0]}</text:p>` +
          `</table:table-cell></table:table-row><table:table-row table:number-rows-repeated="4"><table:table-cell table:number-columns-repeated="2"/>` +
          '<table:table-cell office:value-type="percentage" office:value="0.5"><office:annotation><text:p>why</text:p></office:annotation></table:table-cell>' +
          '<table:covered-table-cell/></table:table-row></table:table><style:style style:name="ta" style:family="table"><style:table-properties ' +
          `table:display="false"/></style:style><table:table table:name="B" table:style-name="ta"><table:table-source xlink:href="${address}ods"/></table:table>`,
      ),
    ],
    [
      "talk.odp",
      openDocumentFile(
        "presentation",
        `<draw:page draw:name="one"><text:p>${LINES[0]}</text:p><presentation:notes><text:p>${LINES[1]}</text:p></presentation:notes></draw:page>` +
          '<style:style style:name="dp" style:family="drawing-page"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>' +
          `<draw:page draw:name="three" draw:style-name="dp"/><draw:page draw:name="two"><draw:plugin xlink:href="${address}odp"/><text:p>${LINES[2]}</text:p></draw:page>`,
      ),
    ],
    ["book.epub", bookFile(address)],
  ];
}

function wordFile(address: string): Buffer {
  const body =
    '<w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:lastRenderedPageBreak/><w:t>Head</w:t></w:r></w:p>' +
    '<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:rPr><w:vanish/><w:rStyle w:val="H"/></w:rPr><w:t>hidden</w:t></w:r><w:r>' +
    '<w:sym w:font="Wingdings" w:char="F0FE"/><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent></w:r></w:p>' +
    `${paragraph(LINES.join(" "))}<w:p><w:r><w:lastRenderedPageBreak/><w:t>two</w:t><w:footnoteReference w:id="1"/></w:r></w:p>` +
    "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t><w:lastRenderedPageBreak/><w:t>c</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p>" +
    '</w:tc></w:tr></w:tbl><w:p><w:pPr><w:sectPr><w:type w:val="oddPage"/></w:sectPr></w:pPr></w:p><w:sectPr><w:type w:val="continuous"/></w:sectPr>';
  return docxFile(
    body,
    [
      ["styles", "styles.xml"],
      ["footnotes", "footnotes.xml"],
      ["header", "header1.xml"],
      ["attachedTemplate", `${address}template.dotm" TargetMode="External`],
    ],
    [
      {
        name: "word/styles.xml",
        data:
          '<w:styles><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/><w:basedOn w:val="H"/><w:pPr><w:pageBreakBefore/></w:pPr></w:style>' +
          '<w:style w:styleId="H"><w:basedOn w:val="berschrift1"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr><w:rPr><w:vanish/></w:rPr></w:style></w:styles>',
      },
      {
        name: "word/footnotes.xml",
        data: `<w:footnotes><w:footnote w:id="1">${paragraph("a note")}</w:footnote></w:footnotes>`,
      },
      {
        name: "word/header1.xml",
        data: `<!DOCTYPE x [<!ENTITY h SYSTEM "${address}dtd">]><w:hdr>${paragraph("&h; head")}</w:hdr>`,
      },
    ],
  );
}

function deckFile(address: string): Buffer {
  const slide = (title: string, text: string) =>
    `<p:sld><p:sp><p:nvPr><p:ph type="ctrTitle"/></p:nvPr><a:p><a:r><a:t>${title}</a:t></a:r></a:p></p:sp>` +
    `<p:sp><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:sp></p:sld>`;
  const notes: [string, string][] = [
    ["notesSlide", "../notesSlides/notes1.xml"],
    ["image", `${address}slide.png" TargetMode="External`],
  ];
  return officeFile(
    "pptx",
    '<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/><p:sldId id="258" r:id="r3"/></p:sldIdLst></p:presentation>',
    [
      ["slide", "slides/slide1.xml"],
      ["slide", "slides/slide2.xml"],
      ["slide", "slides/slide3.xml"],
    ],
    [
      { name: "ppt/slides/slide1.xml", data: slide("Second", LINES[0] ?? "") },
      { name: "ppt/slides/slide2.xml", data: slide("First", LINES[1] ?? "") },
      {
        name: "ppt/slides/slide3.xml",
        data: '<p:sld show="0"><p:sp><p:nvSpPr><p:cNvPr hidden="1"/></p:nvSpPr><a:p><a:r><a:t>x</a:t></a:r></a:p></p:sp></p:sld>',
      },
      { name: "ppt/slides/_rels/slide2.xml.rels", data: relationships(notes) },
      { name: "ppt/notesSlides/notes1.xml", data: "<p:notes><a:p><a:r><a:t>say this</a:t></a:r></a:p></p:notes>" },
    ],
  );
}

function workbookFile(address: string): Buffer {
  const sheet =
    '<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="XFD1" t="s"><v>1</v></c></row><row r="1048576">' +
    '<c r="A1048576" s="1"><v>45351.5</v></c><c t="b"><v>1</v></c><c t="inlineStr"><is><t>in_x000D_</t></is></c><c t="str"><f>A1</f><v>result</v></c>' +
    '<c r="K9" s="2"><v>4.1667</v></c><c s="3"><v>1234.5</v></c></row>' +
    "</sheetData></worksheet>";
  return officeFile(
    "xlsx",
    '<workbook><workbookPr date1904="0"/><sheets><sheet name="Data" r:id="r1"/><sheet name="Empty" state="hidden" r:id="r4"/></sheets></workbook>',
    [
      ["worksheet", "worksheets/sheet1.xml"],
      ["sharedStrings", "sharedStrings.xml"],
      ["styles", "styles.xml"],
      ["externalLink", `${address}book.xlsx" TargetMode="External`],
    ],
    [
      { name: "xl/worksheets/sheet1.xml", data: sheet },
      {
        name: "xl/sharedStrings.xml",
        data: `<sst><si><t>${LINES[0]}</t></si><si><r><t>rich </t></r><r><t>text</t></r></si></sst>`,
      },
      {
        name: "xl/styles.xml",
        data:
          '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/><numFmt numFmtId="165" formatCode="[h]:mm:ss"/><numFmt numFmtId="166" ' +
          'formatCode="_(* #,##0.00\\ [$€-407]_);[Red]\\(0.0%\\);&quot;-&quot;??;@"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs></styleSheet>',
      },
      {
        name: "xl/worksheets/_rels/sheet1.xml.rels",
        data: relationships([
          ["drawing", "../drawing1.xml"],
          ["comments", "../comments1.xml"],
          ["threadedComment", "../threaded1.xml"],
        ]),
      },
      { name: "xl/drawing1.xml", data: "<xdr:wsDr><xdr:sp><a:p><a:r><a:t>boxed</a:t></a:r></a:p></xdr:sp></xdr:wsDr>" },
      {
        name: "xl/comments1.xml",
        data: '<comments><author>tc={1}</author><comment ref="A1" authorId="0"><text><t>note</t></text></comment></comments>',
      },
      { name: "xl/threaded1.xml", data: '<a><threadedComment ref="A1"><text>note</text></threadedComment></a>' },
    ],
  );
}

function bookFile(address: string): Buffer {
  return zipFile([
    { name: "mimetype", data: "application/epub+zip" },
    { name: "META-INF/container.xml", data: '<container><rootfile full-path="OEBPS/book.opf"/></container>' },
    {
      name: "OEBPS/book.opf",
      data:
        '<package><item id="a" href="one%20a.xhtml"/><item id="b" href="two.xhtml"/>' +
        '<item id="n" href="nav.xhtml" properties="nav"/><item id="t" href="t.ncx" media-type="application/x-dtbncx+xml"/><dc:title>First</dc:title>' +
        `<item id="c" href="${address}chapter.xhtml"/><spine><itemref idref="b"/><itemref idref="a"/><itemref idref="c"/></spine></package>`,
    },
    { name: "OEBPS/nav.xhtml", data: '<nav epub:type="toc"><a href="two.xhtml#x">Place</a></nav>' },
    {
      name: "OEBPS/t.ncx",
      data: '<ncx><navPoint><navLabel><text>Two</text></navLabel><content src="two.xhtml"/></navPoint></ncx>',
    },
    {
      name: "OEBPS/one a.xhtml",
      data: `<html><body><h1>Caf&eacute; Second</h1><p>${LINES[0]}</p><img src="${address}epub"/></body></html>`,
    },
    {
      name: "OEBPS/two.xhtml",
      data: `<?xml version="1.0"?><html><head><title>First</title></head><body><p>${LINES[1]}</p></body></html>`,
    },
  ]);
}

const PARTS_MAX_BYTES = 16 * 1024 * 1024;

/**
 * The parts of an intact ZIP. Null for what is none, is damaged, or unpacks to more than a run should pack again
 * for each file.
 */
async function partsOf(bytes: Buffer): Promise<readonly ZipPart[] | null> {
  if (bytes.toString("latin1", 0, 2) !== "PK") return null;
  try {
    const zip = await fromBufferPromise(bytes);
    const parts: ZipPart[] = [];
    let size = 0;
    for await (const entry of zip.eachEntry()) {
      size += entry.uncompressedSize;
      if (size > PARTS_MAX_BYTES) return null;
      const pieces: Buffer[] = [];
      const stream: AsyncIterable<unknown> = await zip.openReadStreamPromise(entry);
      for await (const piece of stream) if (Buffer.isBuffer(piece)) pieces.push(piece);
      parts.push({ name: entry.fileName, data: Buffer.concat(pieces) });
    }
    return parts.length === 0 ? null : parts;
  } catch {
    return null;
  }
}
