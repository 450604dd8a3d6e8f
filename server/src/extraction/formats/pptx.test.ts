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

const HIDDEN = officeFile(
  "pptx",
  '<p:presentation><p:sldIdLst><p:sldId r:id="r1"/><p:sldId r:id="r2"/></p:sldIdLst></p:presentation>',
  [
    ["slide", "slides/slide1.xml"],
    ["slide", "slides/slide2.xml"],
  ],
  [
    { name: "ppt/slides/slide1.xml", data: slide("Secret", "plan").replace("<p:sld>", '<p:sld show="0">') },
    {
      name: "ppt/slides/slide2.xml",
      data:
        `${slide("Shown", "text").replace("</p:sld>", "")}<p:grpSp><p:nvGrpSpPr><p:cNvPr hidden="1"/></p:nvGrpSpPr><p:sp>` +
        "<a:p><a:r><a:t>in a hidden group</a:t></a:r></a:p></p:sp></p:grpSp><mc:AlternateContent><mc:Choice><p:sp><a:p><a:r><a:t>once" +
        "</a:t></a:r></a:p></p:sp></mc:Choice><mc:Fallback><p:sp><a:p><a:r><a:t>twice</a:t></a:r></a:p></p:sp></mc:Fallback>" +
        "</mc:AlternateContent></p:sld>",
    },
  ],
);

checkPages([
  {
    name: "hidden PPTX slides keep their number and are empty; hidden shapes and what is doubled for old programs are left out",
    bytes: HIDDEN,
    gives: ["", "Shown: Shown\ntext\nonce"],
    warns: ["part_skipped 1"],
  },
  {
    name: "PPTX slides come in the show's order, with titles and notes, without slide numbers",
    bytes: DECK,
    gives: ["Shown first: Shown first\nhello\n\nsay this", "Shown second: Shown second\ntable talk"],
  },
]);
