import { checkPages } from "../fixtures/check-pages.ts";
import { docxFile, paragraph } from "../fixtures/office-files.ts";
import { zipFile } from "../fixtures/zip-file.ts";

const NOTES = `<w:footnotes><w:footnote w:id="2">${paragraph("a note")}</w:footnote></w:footnotes>`;
const TABLE = `<w:tbl><w:tr><w:tc>${paragraph("a")}${paragraph("b")}</w:tc><w:tc>${paragraph("c")}</w:tc></w:tr></w:tbl>`;
const PAGE_BREAK = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>';
const HINT = "<w:r><w:lastRenderedPageBreak/></w:r>";
const section = (type: string) => `<w:p><w:pPr><w:sectPr><w:type w:val="${type}"/></w:sectPr></w:pPr></w:p>`;
const HEADING = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>';
const run = (text: string, properties = "") =>
  `<w:r><w:rPr>${properties}</w:rPr><w:t xml:space="preserve">${text}</w:t></w:r>`;
const styled = (style: string, text: string) =>
  `<w:p><w:pPr><w:pStyle w:val="${style}"/></w:pPr><w:r><w:t>${text}</w:t></w:r></w:p>`;
const row = (...cells: readonly string[]) =>
  `<w:tr>${cells.map((cell) => `<w:tc><w:p>${cell}</w:p></w:tc>`).join("")}</w:tr>`;
/** A document with styles. */
const withStyles = (bodyXml: string, stylesXml: string) =>
  docxFile(
    bodyXml,
    [["styles", "styles.xml"]],
    [{ name: "word/styles.xml", data: `<w:styles>${stylesXml}</w:styles>` }],
  );
const BOX =
  '<mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>in the box</w:t></w:r></w:p><w:p><w:r><w:br w:type="page"/>' +
  "<w:t>still there</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r><w:t>old box</w:t></w:r></w:p>" +
  "</w:txbxContent></mc:Fallback></mc:AlternateContent>";
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
    name: "a heading's mark stands with its text, on the page where that is, and an empty heading has none",
    bytes: docxFile(
      `${paragraph("one")}<w:p>${HEADING}${HINT}${run(" ")}${run("Two")}</w:p><w:p>${HEADING}</w:p>${PAGE_BREAK}` +
        `<w:p>${HEADING}${HINT}${run("Three")}</w:p>${paragraph("text")}`,
    ),
    gives: ["one", "# Two", "# Three\ntext"],
  },
  {
    name: "heading styles are known by their name in every language, by their outline level, and by what they are based on",
    bytes: withStyles(
      styled("berschrift1", "Einleitung") +
        styled("Own", "Umfang") +
        styled("Deep", "Tief") +
        styled("Body", "Text") +
        `<w:p><w:pPr><w:pStyle w:val="Own"/><w:outlineLvl w:val="9"/></w:pPr><w:r><w:t>none</w:t></w:r></w:p>`,
      '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/><w:pPr><w:outlineLvl w:val="4"/></w:pPr></w:style>' +
        '<w:style w:styleId="Own"><w:name w:val="own"/><w:basedOn w:val="Level2"/></w:style>' +
        '<w:style w:styleId="Level2"><w:name w:val="other"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>' +
        '<w:style w:styleId="Deep"><w:name w:val="heading 9"/></w:style>' +
        '<w:style w:styleId="Body"><w:basedOn w:val="Own"/><w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>',
    ),
    gives: ["# Einleitung\n\n## Umfang\n\n###### Tief\nText\nnone"],
  },
  {
    name: "a page begins before a paragraph whose style says so, itself or by what it is based on, unless the paragraph says no",
    bytes: withStyles(
      paragraph("one") +
        styled("Chapter", "two") +
        styled("Own", "three") +
        '<w:p><w:pPr><w:pStyle w:val="Own"/><w:pageBreakBefore w:val="0"/></w:pPr><w:r><w:t>also</w:t></w:r></w:p>',
      '<w:style w:styleId="Chapter"><w:pPr><w:pageBreakBefore/></w:pPr></w:style>' +
        '<w:style w:styleId="Own"><w:basedOn w:val="Chapter"/></w:style>',
    ),
    gives: ["one", "two", "three\nalso"],
  },
  {
    name: "styles that are based on each other in a ring end",
    bytes: withStyles(
      styled("A", "text"),
      '<w:style w:styleId="A"><w:basedOn w:val="B"/></w:style><w:style w:styleId="B"><w:basedOn w:val="A"/></w:style>',
    ),
    gives: ["text"],
  },
  {
    name: "a row that runs over pages is whole, on the page where it begins, and its pages count once however many cells remember them",
    bytes: docxFile(
      `${paragraph("one")}<w:tbl>${row(`${run("a ")}${HINT}${run("b")}`, `${run("c ")}${HINT}${run("d")}`)}` +
        `${row(`${run("e ")}${HINT}${run("f ")}${HINT}${run("g")}`, `${run("h ")}${HINT}${run("i")}`)}</w:tbl>${paragraph("four")}`,
    ),
    gives: ["one\na b | c d", "e f g | h i", "", "four"],
  },
  {
    name: "a row that moves to the next page as a whole begins it",
    bytes: docxFile(
      `<w:tbl>${row(run("a"), run("b"))}${row(`${HINT}${run("c")}`, `${HINT}${run("d")}`)}</w:tbl>${paragraph("after")}`,
    ),
    gives: ["a | b", "c | d\nafter"],
  },
  {
    name: "lines and paragraphs of a cell stay in its row",
    bytes: docxFile(
      `<w:tbl><w:tr><w:tc>${paragraph("a")}<w:p>${HEADING}<w:r><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p></w:tc>` +
        `<w:tc>${paragraph("d")}</w:tc></w:tr></w:tbl>`,
    ),
    gives: ["a b c | d"],
  },
  {
    name: "a row of which only one cell has text is cut where its pages are; with another one it stays whole",
    bytes: docxFile(
      `${paragraph("before")}<w:tbl><w:tr><w:tc>${paragraph("a")}<w:p>${HINT}${run("b")}</w:p>` +
        `<w:p>${run("c ")}${HINT}${HINT}${run("d")}</w:p></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl>${paragraph("behind")}` +
        `<w:tbl><w:tr><w:tc>${paragraph("e")}<w:p>${HINT}${run("f")}</w:p></w:tc><w:tc>${paragraph("g")}</w:tc></w:tr></w:tbl>`,
    ),
    gives: ["before\na", "b c", "d\nbehind\ne f | g"],
  },
  {
    name: "a text box follows the paragraph that it is anchored in, on its page",
    bytes: docxFile(`<w:p>${run("The rent is ")}<w:r>${BOX}</w:r>${run("900 EUR.")}</w:p>${paragraph("next")}`),
    gives: ["The rent is 900 EUR.\nin the box\nstill there\nnext"],
  },
  {
    name: "hidden text is left out, whether its run, its character's style or its paragraph's style hides it",
    bytes: withStyles(
      `<w:p>${run("seen")}${run(" hidden", "<w:vanish/>")}${run(" shown", '<w:rStyle w:val="H"/><w:vanish w:val="0"/>')}` +
        `${run(" secret", '<w:rStyle w:val="H"/>')}<w:r><w:rPr><w:vanish/></w:rPr><w:br w:type="page"/></w:r></w:p>` +
        `${styled("P", "private")}${paragraph("next")}`,
      '<w:style w:styleId="H"><w:basedOn w:val="G"/></w:style><w:style w:styleId="G"><w:rPr><w:vanish/></w:rPr></w:style>' +
        '<w:style w:styleId="P"><w:rPr><w:vanish/></w:rPr></w:style>',
    ),
    gives: ["seen shown\nnext"],
  },
  {
    name: "ruby text is read once, without its guides",
    bytes: docxFile(
      "<w:p><w:r><w:ruby><w:rt><w:r><w:t>とう</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東</w:t></w:r></w:rubyBase></w:ruby></w:r>" +
        "<w:r><w:t>京</w:t></w:r></w:p>",
    ),
    gives: ["東京"],
  },
  {
    name: "characters of symbol fonts are what these draw",
    bytes: docxFile(
      `<w:p><w:r><w:sym w:font="Symbol" w:char="F0B3"/></w:r>${run(" 5, ")}<w:r><w:sym w:font="Wingdings" w:char="F0FE"/>` +
        `<w:sym w:font="Nobody's" w:char="F041"/></w:r>${run(" \uf061", '<w:rFonts w:ascii="Symbol"/>')}</w:p>`,
    ),
    gives: ["≥ 5, ☑ α"],
  },
  {
    name: "a paragraph whose end was deleted goes on in the next",
    bytes: docxFile(
      `<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>${run("first ")}</w:p>${paragraph("second")}${paragraph("third")}`,
    ),
    gives: ["first second\nthird"],
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
