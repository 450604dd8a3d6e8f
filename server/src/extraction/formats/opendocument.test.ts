import { checkPages } from "../fixtures/check-pages.ts";
import { openDocumentFile } from "../fixtures/office-files.ts";

const cell = (text: string, attributes = "") =>
  `<table:table-cell ${attributes}><text:p>${text}</text:p></table:table-cell>`;
const style = (name: string, properties: string, more = "") =>
  `<style:style style:name="${name}" style:family="paragraph" ${more}>${properties}</style:style>`;
const BREAK_BEFORE = '<style:paragraph-properties fo:break-before="page"/>';
const text = (body: string, styleName = "plain") => `<text:p text:style-name="${styleName}">${body}</text:p>`;
const SOFT = "<text:soft-page-break/>";
const row = (cells: string, attributes = "") => `<table:table-row ${attributes}>${cells}</table:table-row>`;

checkPages([
  {
    name: "ODT gives headings and tables, without deleted text and remarks; repeated spaces are one",
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
      style("P1", BREAK_BEFORE) + text("one") + text("two", "P1") + text(`also${SOFT}three`),
    ),
    gives: ["one", "two\nalso", "three"],
  },
  {
    name: "ODT pages begin before and after paragraphs and tables as their styles say, named ones and those that are based on them",
    bytes: openDocumentFile(
      "text",
      style("P1", "", 'style:parent-style-name="Chapter"') +
        style("P2", '<style:paragraph-properties fo:break-after="page"/>') +
        style("P3", "", 'style:master-page-name="Landscape"') +
        style("P4", '<style:paragraph-properties fo:break-before="auto"/>', 'style:parent-style-name="Chapter"') +
        '<style:style style:name="T1" style:family="table"><style:table-properties fo:break-before="page"/></style:style>' +
        `${text("one", "P3")}<text:h text:style-name="P1" text:outline-level="1">two</text:h>${text("also", "P4")}` +
        `${text("end", "P2")}${text("three")}${text("four", "P3")}<table:table table:style-name="T1">${row(cell("five"))}</table:table>`,
      [
        {
          name: "styles.xml",
          data: `<office:document-styles>${style("Chapter", BREAK_BEFORE)}</office:document-styles>`,
        },
      ],
    ),
    gives: ["one", "# two\nalso\nend", "three", "four", "five"],
  },
  {
    name: "ODT styles count wherever they stand among list styles, which are passed over",
    bytes: openDocumentFile("text", text("one") + text("two", "A") + text("three", "B") + text("four", "C"), [
      {
        name: "styles.xml",
        data:
          `<office:document-styles><text:list-style style:name="L1"/>${style("A", BREAK_BEFORE)}` +
          `<text:list-style style:name="L2"><text:list-level-style-number/></text:list-style>${style("B", BREAK_BEFORE)}` +
          `<text:list-style style:name="L3">${style("C", BREAK_BEFORE)}</office:document-styles>`,
      },
    ]),
    gives: ["one", "two", "three", "four"],
  },
  {
    name: "an ODT heading's mark stands with its text, and a row that runs over pages stays whole",
    bytes: openDocumentFile(
      "text",
      `${text("one")}<text:h text:outline-level="1">${SOFT}Two</text:h><text:h text:outline-level="2"/>` +
        `<table:table>${row(cell(`a${SOFT}b`) + cell(`c${SOFT}d`))}</table:table>${text("three")}`,
    ),
    gives: ["one", "# Two\nab | cd", "three"],
  },
  {
    name: "ODT notes stand at the end of their page, boxes behind their paragraph; pictures' titles and ruby guides are left out",
    bytes: openDocumentFile(
      "text",
      style("P1", BREAK_BEFORE) +
        text(
          "See <draw:frame><draw:image/><svg:title>Title</svg:title></draw:frame>figure<draw:frame><draw:text-box>" +
            `${text("boxed")}</draw:text-box></draw:frame>, a<text:note><text:note-citation>1</text:note-citation><text:note-body>` +
            `${text("The note.")}</text:note-body></text:note> word in <text:title>Title field</text:title>`,
        ) +
        text("<text:ruby><text:ruby-base>東</text:ruby-base><text:ruby-text>とう</text:ruby-text></text:ruby>京") +
        text("two", "P1"),
    ),
    gives: ["See figure, a word in Title field\nboxed\n東京\nThe note.", "two"],
  },
  {
    name: "hidden sections and hidden text of ODT are left out",
    bytes: openDocumentFile(
      "text",
      '<style:style style:name="H" style:family="text"><style:text-properties text:display="none"/></style:style>' +
        `<text:section text:display="none">${text("section")}</text:section><text:section>${text("kept")}</text:section>` +
        text(
          'seen<text:span text:style-name="H"> span</text:span><text:hidden-text text:is-hidden="true">field</text:hidden-text>',
        ),
    ),
    gives: ["kept\nseen"],
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
    name: "ODS cells and rows that repeat stand there as often as they say, and empty cells keep their column",
    bytes: openDocumentFile(
      "spreadsheet",
      `<table:table table:name="A">${row(cell("x", 'table:number-columns-repeated="3"') + cell("y"))}` +
        `${row(`${cell("r")}<table:table-cell table:number-columns-repeated="2"/>${cell("s")}`, 'table:number-rows-repeated="2"')}` +
        `${row('<table:table-cell table:number-columns-repeated="16384"/>', 'table:number-rows-repeated="1000000"')}` +
        `${row(`<table:covered-table-cell>${text("covered")}</table:covered-table-cell>${cell("z")}`)}</table:table>`,
    ),
    gives: ["A: x | x | x | y\nr | | | s\nr | | | s\n| z"],
  },
  {
    name: "ODS shows values that stand in no paragraph, and puts boxes and remarks behind the cells",
    bytes: openDocumentFile(
      "spreadsheet",
      `<table:table table:name="A"><table:shapes><draw:frame><draw:text-box>${text("box")}</draw:text-box></draw:frame></table:shapes>` +
        row(
          '<table:table-cell office:value-type="percentage" office:value="0.25"/>' +
            '<table:table-cell office:value-type="float" office:value="19.989999999999998"/>' +
            `<table:table-cell office:value="5"><office:annotation><dc:creator>Ann</dc:creator>${text("why?")}</office:annotation>` +
            `${text("five")}${text("and more")}</table:table-cell><table:table-cell office:value="7"><text:p/></table:table-cell>`,
        ) +
        row(
          '<table:table-cell office:value-type="time" office:time-value="PT25H30M00S"/>' +
            '<table:table-cell office:value-type="time" office:time-value="-PT5H04M03.5S"/>' +
            '<table:table-cell office:value-type="boolean" office:boolean-value="true"/>' +
            '<table:table-cell office:value-type="time" office:time-value="P1D"/>',
        ) +
        "</table:table>",
    ),
    gives: ["A: 25% | 19.99 | five and more\n25:30:00 | -05:04:03 | TRUE | P1D\n\nbox\n\nC1: why?"],
  },
  {
    name: "hidden ODS sheets keep their number and are empty; copies of other files' sheets are no pages",
    bytes: openDocumentFile(
      "spreadsheet",
      '<style:style style:name="ta1" style:family="table"><style:table-properties table:display="false"/></style:style>' +
        `<table:table table:name="Secret" table:style-name="ta1">${row(cell("1"))}</table:table>` +
        `<table:table table:name="Open">${row(cell("2"))}</table:table>` +
        `<table:table table:name="'file:///x.ods'#$S">${row(cell("3"))}</table:table>`,
    ),
    gives: ["", "Open: 2"],
    warns: ["part_skipped 1"],
  },
  {
    name: "hidden ODP slides keep their number and are empty",
    bytes: openDocumentFile(
      "presentation",
      '<style:style style:name="dp1" style:family="drawing-page"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>' +
        `<draw:page draw:name="S1" draw:style-name="dp1">${text("one")}</draw:page><draw:page draw:name="S2">${text("two")}</draw:page>`,
    ),
    gives: ["", "S2: two"],
    warns: ["part_skipped 1"],
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
