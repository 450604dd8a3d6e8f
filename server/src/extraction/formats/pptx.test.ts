import { checkPages } from "../fixtures/check-pages.ts";
import { officeFile, relationships } from "../fixtures/office-files.ts";

const slide = (title: string, text: string) =>
  `<p:sld><p:sp><p:nvPr><p:ph type="ctrTitle"/></p:nvPr><a:p><a:r><a:t>${title}</a:t></a:r></a:p></p:sp>` +
  `<p:sp><a:p><a:r><a:t>${text}</a:t></a:r><a:fld type="slidenum"><a:t>7</a:t></a:fld></a:p></p:sp></p:sld>`;

const DECK = officeFile(
  "pptx",
  '<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/></p:sldIdLst></p:presentation>',
  [
    ["slide", "slides/slide1.xml"],
    ["slide", "slides/slide2.xml"],
  ],
  [
    { name: "ppt/slides/slide1.xml", data: slide("Shown second", "table talk") },
    { name: "ppt/slides/slide2.xml", data: slide("Shown first", "hello") },
    { name: "ppt/slides/_rels/slide2.xml.rels", data: relationships([["notesSlide", "../notesSlides/notes1.xml"]]) },
    { name: "ppt/notesSlides/notes1.xml", data: "<p:notes><a:p><a:r><a:t>say this</a:t></a:r></a:p></p:notes>" },
  ],
);

checkPages([
  {
    name: "PPTX slides come in the show's order, with titles and notes, without slide numbers",
    bytes: DECK,
    gives: ["Shown first: Shown first\nhello\n\nsay this", "Shown second: Shown second\ntable talk"],
  },
]);
