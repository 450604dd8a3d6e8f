import { checkPages } from "../fixtures/check-pages.ts";
import { openDocumentFile } from "../fixtures/office-files.ts";

const cell = (text: string, attributes = "") =>
  `<table:table-cell ${attributes}><text:p>${text}</text:p></table:table-cell>`;
const row = (cells: string, attributes = "") => `<table:table-row ${attributes}>${cells}</table:table-row>`;

checkPages([
  {
    name: "ODT gives headings and tables, without deleted text and remarks; repeats are not expanded",
    bytes: openDocumentFile(
      "text",
      '<text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:h text:outline-level="2">Head</text:h>' +
        '<text:p>a<text:s text:c="9000000"/>b<office:annotation><text:p>remark</text:p></office:annotation></text:p>' +
        `<table:table>${row(cell("x") + cell("y"), 'table:number-rows-repeated="1000000"')}</table:table>`,
    ),
    gives: ["## Head\na b\nx | y"],
  },
  {
    name: "ODT pages end at stored breaks",
    bytes: openDocumentFile(
      "text",
      '<style:style style:name="P1"><style:paragraph-properties fo:break-before="page"/></style:style><text:p>one</text:p>' +
        '<text:p text:style-name="P1">two</text:p><text:p>also<text:soft-page-break/>three</text:p>',
    ),
    gives: ["one", "two\nalso", "three"],
  },
  {
    name: "ODS tables are pages with names",
    bytes: openDocumentFile(
      "spreadsheet",
      `<table:table table:name="A">${row(cell("1", 'table:number-columns-repeated="16384"'))}</table:table>` +
        `<table:table table:name="B">${row(cell("2"))}</table:table>`,
    ),
    gives: ["A: 1", "B: 2"],
  },
  {
    name: "ODP slides are pages with names",
    bytes: openDocumentFile(
      "presentation",
      '<draw:page draw:name="S1"><draw:frame><text:p>one</text:p></draw:frame><presentation:notes><text:p>say</text:p></presentation:notes></draw:page>' +
        '<draw:page draw:name="S2"><text:p>two</text:p></draw:page>',
    ),
    gives: ["S1: one\nsay", "S2: two"],
  },
  {
    name: "encrypted OpenDocument",
    bytes: openDocumentFile("text", "x", [
      {
        name: "META-INF/manifest.xml",
        data: '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>',
      },
    ]),
    gives: "encrypted_file",
  },
]);
