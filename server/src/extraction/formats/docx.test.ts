import { checkPages } from "../fixtures/check-pages.ts";
import { docxFile, paragraph } from "../fixtures/office-files.ts";
import { zipFile } from "../fixtures/zip-file.ts";

const NOTES = `<w:footnotes><w:footnote w:id="2">${paragraph("a note")}</w:footnote></w:footnotes>`;
const TABLE = `<w:tbl><w:tr><w:tc>${paragraph("a")}${paragraph("b")}</w:tc><w:tc>${paragraph("c")}</w:tc></w:tr></w:tbl>`;
const PAGE_BREAK = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>';
const HINT = "<w:r><w:lastRenderedPageBreak/></w:r>";
const section = (type: string) => `<w:p><w:pPr><w:sectPr><w:type w:val="${type}"/></w:sectPr></w:pPr></w:p>`;
const MAIN_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";

checkPages([
  {
    name: "DOCX without stored breaks is one page",
    bytes: docxFile(paragraph("one") + paragraph("two")),
    gives: ["one\ntwo"],
  },
  {
    name: "a DOCX page ends at an explicit break, and a hint right behind it is no second one",
    bytes: docxFile(`${paragraph("one")}${PAGE_BREAK}<w:p>${HINT}<w:r><w:t>two</w:t></w:r></w:p>`),
    gives: ["one", "two"],
  },
  {
    name: "two explicit breaks leave a page empty",
    bytes: docxFile(paragraph("one") + PAGE_BREAK + PAGE_BREAK + paragraph("three")),
    gives: ["one", "", "three"],
  },
  {
    name: "a DOCX page ends where Word remembered it",
    bytes: docxFile(`<w:p><w:r><w:t>one</w:t></w:r>${HINT}<w:r><w:t>two</w:t></w:r></w:p>`),
    gives: ["one", "two"],
  },
  {
    name: "a section goes on on its page or begins one, as is said at its end",
    bytes: docxFile(
      `${paragraph("one")}${section("nextPage")}${paragraph("still one")}${section("continuous")}${paragraph("two")}`,
    ),
    gives: ["one\nstill one", "two"],
  },
  {
    name: "a section that begins on an odd page leaves one empty",
    bytes: docxFile(`${paragraph("one")}${section("nextPage")}${paragraph("three")}${section("oddPage")}`),
    gives: ["one", "", "three"],
  },
  {
    name: "DOCX headings, tabs, breaks and hyphens",
    bytes: docxFile(
      '<w:p><w:pPr><w:pStyle w:val="Heading2"/><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>Head</w:t></w:r></w:p>' +
        "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r></w:p>",
    ),
    gives: ["## Head\na b\nc\u2011d"],
  },
  { name: "DOCX tables are rows with bars", bytes: docxFile(TABLE + paragraph("after")), gives: ["a b | c\nafter"] },
  {
    name: "DOCX notes stand at the end of their page",
    bytes: docxFile(
      `<w:p><w:r><w:t>text</w:t><w:footnoteReference w:id="2"/></w:r></w:p>${PAGE_BREAK}${paragraph("two")}`,
      [["footnotes", "footnotes.xml"]],
      [{ name: "word/footnotes.xml", data: NOTES }],
    ),
    gives: ["text\na note", "two"],
  },
  {
    name: "DOCX leaves out deleted text, field codes and doubled drawings",
    bytes: docxFile(
      "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>" +
        "<w:r><w:instrText>PAGE</w:instrText><w:t>kept</w:t></w:r><mc:AlternateContent><mc:Choice><w:t> once</w:t></mc:Choice>" +
        "<mc:Fallback><w:t> twice</w:t></mc:Fallback></mc:AlternateContent></w:p>",
    ),
    gives: ["kept once"],
  },
  {
    name: "entities that XML does not have stay as they are",
    bytes: docxFile(paragraph("&a;&amp;&#228;")),
    gives: ["&a;&ä"],
  },
  {
    name: "DOCX without its main part is damaged",
    bytes: zipFile([
      { name: "[Content_Types].xml", data: `<Types><Override PartName="/x" ContentType="${MAIN_TYPE}"/></Types>` },
    ]),
    gives: "corrupt_file",
  },
]);
