import { checkPages } from "../fixtures/check-pages.ts";
import { officeFile } from "../fixtures/office-files.ts";

const SHEET = `<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="XFD1" t="s"><v>1</v></c></row>
<row r="1048576"><c r="A1048576" s="1"><v>45351.5</v></c><c t="b"><v>1</v></c><c t="inlineStr"><is><t>in</t></is></c>
<c t="str"><f>A1</f><v>result</v></c><c><v>3.5</v></c><c s="0"/></row></sheetData></worksheet>`;
const STYLES =
  '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>' +
  '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>';

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
    gives: ["Data & more: first | rich text\n2024-02-29 12:00 | TRUE | in | result | 3.5", "Empty: "],
  },
]);
