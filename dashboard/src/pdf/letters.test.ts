import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { charactersOf, lettersOf, placeOf } from "./letters.ts";

/** What PDFium shows of a page, as the server's text and the passage in it have to be found again. */
describe("a passage is found among the characters of a page", () => {
  const find = (page: string, passage: string, before = "") => {
    const place = placeOf(
      lettersOf(charactersOf(page)),
      lettersOf(charactersOf(passage)).text,
      lettersOf(charactersOf(before)).text.length,
    );
    if (place === null) return null;
    const [first, last] = place;
    return page.slice(first, last + String.fromCodePoint(page.codePointAt(last) ?? 0).length);
  };

  for (const { what, page, passage, found } of [
    { what: "over line ends", page: "The pilot\r\nboards here.", passage: "pilot\nboards", found: "pilot\r\nboards" },
    {
      what: "over a hyphen at a line's end",
      page: "demur\ufffe\r\nrage",
      passage: "demurrage",
      found: "demur\ufffe\r\nrage",
    },
    { what: "with ligatures", page: "the of\ufb01ce", passage: "office", found: "of\ufb01ce" },
    { what: "in another script", page: "Суда берут лоцмана.", passage: "берут лоцмана", found: "берут лоцмана" },
    { what: "beyond the first plane", page: "𝔄 buoy 🚢 here", passage: "buoy 🚢", found: "buoy 🚢" },
  ])
    test(what, () => assert.equal(find(page, passage), found));

  test("the one that is meant, of several with the same words", () => {
    const page = "lit at dusk; lit at dusk; lit at dusk";
    const place = placeOf(lettersOf(charactersOf(page)), "litatdusk", "litatdusk;".length);
    assert.deepEqual(place, [13, 23]);
  });

  test("and is nowhere when it is not there, or empty", () => {
    assert.equal(find("The pilot boards here.", "the keeper"), null);
    assert.equal(find("The pilot boards here.", " - "), null);
  });
});
