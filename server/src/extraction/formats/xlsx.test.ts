import { checkPages } from "../fixtures/check-pages.ts";
import { type MainRelation, officeFile, relationships } from "../fixtures/office-files.ts";
import type { ZipPart } from "../fixtures/zip-file.ts";

const SHEET = `<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="XFD1" t="s"><v>1</v></c></row>
<row r="1048576"><c r="A1048576" s="1"><v>45351.5</v></c><c t="b"><v>1</v></c><c t="inlineStr"><is><t>in</t></is></c>
<c t="str"><f>A1</f><v>result</v></c><c><v>3.5</v></c><c s="0"/></row></sheetData></worksheet>`;
const STYLES =
  '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>' +
  '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>';

/** A workbook of one sheet, its cells given as XML, with the parts that it may have. */
function workbook(
  rowsXml: string,
  { styles = "", strings = "", sheetRelations = [], parts = [], properties = "" }: WorkbookParts = {},
): Buffer {
  return officeFile(
    "xlsx",
    `<workbook>${properties}<sheets><sheet name="S" r:id="r1"/></sheets></workbook>`,
    [
      ["worksheet", "worksheets/sheet1.xml"],
      ["sharedStrings", "sharedStrings.xml"],
      ["styles", "styles.xml"],
    ],
    [
      { name: "xl/worksheets/sheet1.xml", data: `<worksheet>${rowsXml}</worksheet>` },
      { name: "xl/worksheets/_rels/sheet1.xml.rels", data: relationships(sheetRelations) },
      // The relation says sharedStrings.xml: names of parts are equal whatever their case.
      { name: "xl/SharedStrings.xml", data: `<sst>${strings}</sst>` },
      { name: "xl/styles.xml", data: `<styleSheet>${styles}</styleSheet>` },
      ...parts,
    ],
  );
}

interface WorkbookParts {
  readonly styles?: string;
  readonly strings?: string;
  readonly sheetRelations?: readonly MainRelation[];
  readonly parts?: readonly ZipPart[];
  readonly properties?: string;
}

const value = (reference: string, number: number | string, style = 0) =>
  `<c r="${reference}" s="${style}"><v>${number}</v></c>`;
const shared = (reference: string, index: number) => `<c r="${reference}" t="s"><v>${index}</v></c>`;
const TIMES =
  '<numFmts><numFmt numFmtId="164" formatCode="[h]:mm"/><numFmt numFmtId="165" formatCode="yyyy-mm-dd"/></numFmts>' +
  '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs>';

checkPages([
  {
    name: "XLSX sheets give their filled cells, dates written out, gaps of any size skipped",
    bytes: officeFile(
      "xlsx",
      '<workbook><sheets><sheet name="Data &amp; more" r:id="r1"/><sheet name="Empty" r:id="r4"/></sheets></workbook>',
      [
        ["worksheet", "worksheets/sheet1.xml"],
        ["sharedStrings", "sharedStrings.xml"],
        ["styles", "styles.xml"],
        ["worksheet", "worksheets/sheet2.xml"],
      ],
      [
        { name: "xl/worksheets/sheet1.xml", data: SHEET },
        { name: "xl/worksheets/sheet2.xml", data: "<worksheet/>" },
        {
          name: "xl/sharedStrings.xml",
          data: "<sst><si><t>first</t></si><si><r><t>rich </t></r><r><t>text</t></r><rPh><t>guide</t></rPh></si></sst>",
        },
        { name: "xl/styles.xml", data: STYLES },
      ],
    ),
    gives: ["Data & more: first | rich text\n2024-02-29 | TRUE | in | result | 3.5", "Empty: "],
  },
  {
    name: "empty XLSX cells keep their column, whether they are there or not; a gap wider than a month is one bar",
    bytes: workbook(
      `<row>${shared("A1", 0)}${shared("B1", 1)}${shared("C1", 2)}</row><row>${shared("A2", 3)}<c r="B2"/>${shared("C2", 4)}</row>` +
        `<row>${shared("A3", 3)}${shared("C3", 4)}</row><row>${shared("C4", 4)}</row><row>${shared("A5", 3)}${shared("AI5", 4)}</row>`,
      { strings: ["Name", "Phone", "Mail", "Ann", "a@b.example"].map((text) => `<si><t>${text}</t></si>`).join("") },
    ),
    gives: ["S: Name | Phone | Mail\nAnn | | a@b.example\nAnn | | a@b.example\n| | a@b.example\nAnn | a@b.example"],
  },
  {
    name: "an XLSX sheet that begins in column C has no empty columns before",
    bytes: workbook(
      `<dimension ref="C2:E3"/><row>${value("C2", 1)}${value("E2", 2)}</row><row>${value("D3", 3)}</row>`,
    ),
    gives: ["S: 1 | | 2\n| 3"],
  },
  {
    name: "XLSX durations are no dates, in both date systems",
    bytes: workbook(`<row>${value("A1", 1.0625, 1)}${value("B1", 1, 2)}</row>`, {
      styles: TIMES,
      properties: '<workbookPr date1904="1"/>',
    }),
    gives: ["S: 25:30 | 1904-01-02"],
  },
  {
    name: "XLSX strings are read without escapes and phonetic guides, from runs of all kinds",
    bytes: workbook(
      `<row>${shared("A1", 0)}<c r="B1" t="inlineStr"><is><r><t>a_x000D_</t></r><r><t>b</t></r><rPh><t>guide</t></rPh></is></c>` +
        '<c r="C1" t="str"><v>x_x005F_x000D_y</v></c></row>',
      { strings: "<si><t>Line_x000d_two</t><rPh><t>guide</t></rPh></si>" },
    ),
    gives: ["S: Line two | a b | x_x000D_y"],
  },
  {
    name: "XLSX text boxes and notes follow the cells; a thread's comments are not read a second time as a note",
    bytes: workbook(`<row>${value("A1", 1)}</row>`, {
      sheetRelations: [
        ["threadedComment", "../threadedComments/t1.xml"],
        ["drawing", "../drawings/d1.xml"],
        ["comments", "../comments1.xml"],
      ],
      parts: [
        {
          name: "xl/drawings/d1.xml",
          data:
            "<xdr:wsDr><xdr:sp><xdr:nvSpPr><xdr:cNvPr/></xdr:nvSpPr><xdr:txBody><a:p><a:r><a:t>box</a:t></a:r></a:p></xdr:txBody></xdr:sp>" +
            '<xdr:sp><xdr:nvSpPr><xdr:cNvPr hidden="1"/></xdr:nvSpPr><xdr:txBody><a:p><a:r><a:t>hidden</a:t></a:r></a:p></xdr:txBody></xdr:sp>' +
            "<xdr:sp><xdr:txBody><a:p><a:r><a:t>another</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>",
        },
        {
          name: "xl/comments1.xml",
          data:
            "<comments><authors><author>Ann</author><author>tc={1}</author></authors><commentList>" +
            '<comment ref="B2" authorId="0"><text><r><t>check </t></r><r><t>this</t></r></text></comment>' +
            '<comment ref="A1" authorId="1"><text><t>[Threaded comment] Your version …</t></text></comment></commentList></comments>',
        },
        {
          name: "xl/threadedComments/t1.xml",
          data: '<ThreadedComments><threadedComment ref="A1"><text>why?</text></threadedComment></ThreadedComments>',
        },
      ],
    }),
    gives: ["S: 1\n\nbox\nanother\n\nB2: check this\n\nA1: why?"],
  },
  {
    name: "hidden XLSX sheets keep their number and are empty; hidden rows and columns are read",
    bytes: officeFile(
      "xlsx",
      '<workbook><sheets><sheet name="A" r:id="r1"/><sheet name="B" state="hidden" r:id="r1"/>' +
        '<sheet name="C" state="veryHidden" r:id="r1"/></sheets></workbook>',
      [["worksheet", "s.xml"]],
      [
        {
          name: "xl/s.xml",
          data: '<worksheet><cols><col hidden="1"/></cols><row hidden="1"><c><v>1</v></c></row></worksheet>',
        },
      ],
    ),
    gives: ["A: 1", "", ""],
    warns: ["part_skipped 2,3"],
  },
]);
