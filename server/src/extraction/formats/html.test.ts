import { checkPages } from "../fixtures/check-pages.ts";

const KOI8 = Buffer.from("f0d2c9d7c5d42c20cdc9d221", "hex");
const PAGE = `<html><head><title>Title &amp; more</title><style>p{}</style></head><body>
<h2>Heading</h2><p>One <b>bold</b>,\n   two.</p><script>var x = "<p>no</p>";</script><svg><text>no</text></svg>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td></td><td>3</td></tr></table><ul><li>x</li><li>y</li></ul><pre>  kept
   so</pre></body></html>`;

checkPages([
  {
    name: "HTML gives headings, cells and lines, without scripts and drawings",
    bytes: PAGE,
    gives: ["Title & more\n\n## Heading\n\nOne bold, two.\n\na | b\n1 | | 3\n\n- x\n- y\n\n  kept\n   so"],
  },
  {
    name: "HTML in the charset of its meta tag",
    bytes: Buffer.concat([Buffer.from('<html><meta charset="koi8-r"><p>'), KOI8]),
    gives: ["Привет, мир!"],
  },
  {
    name: "cells with paragraphs, breaks and lists stay one row, empty ones keep their places, and layout tables keep their blocks",
    bytes:
      "<table><tr><td><p>Item</p><td><p>Price</p></td><td></td></tr><tr><td></td><td>Lamp<br>(blue)</td><td><div>12</div><ul><li>EUR</ul></td></tr>" +
      `</table><table><tr><td><p>${"left ".repeat(110)}</p><p>below</p></td><td><p>right</p></td></tr></table>` +
      "<table><tr><td><h2>Head</h2></td><td><table><tr><td>in</td><td>ner</td></tr></table>after</td></tr></table>",
    as: { declaredType: "text/html" },
    gives: [
      `Item | Price\n| Lamp (blue) | 12 - EUR\n\n${"left ".repeat(110).trim()}\n\nbelow\n\nright\n\n## Head\n\nin | ner\n\nafter`,
    ],
  },
  {
    name: "ruby is read once, with and without its end tags",
    bytes: "<p><ruby>東<rp>(</rp><rt>とう</rt><rp>)</rp>京<rt>きょう</ruby>都<ruby>人<rt>じん<rp>x</rp></ruby>口</p>",
    as: { declaredType: "text/html" },
    gives: ["東京都人口"],
  },
  {
    name: "what a page hides is left out, and nothing else, also where end tags are missing",
    bytes:
      "<p>a<p hidden>no<p>b<div style='color:red; DISPLAY : none !important'>no<div>no</div>no</div>c<span hidden=until-found>d</span>" +
      "<ul><li hidden>no<ul><li>no</ul>no<li>e</ul><table><tr hidden><td>no<tr><td>f<td hidden>no<td>g</table><img hidden>h" +
      "<p style='background:url(display:nonesuch)'>i<p aria-hidden=true>j",
    as: { declaredType: "text/html" },
    gives: ["a\n\nb\ncd\n\n- e\n\nf | g\n\nh\n\ni\n\nj"],
  },
  {
    name: "XHTML closes its scripts itself, and has HTML's entities",
    bytes:
      '<?xml version="1.0"?><html><head><script src="a.js"/><title>T</title></head><body><p>Caf&eacute;&nbsp;open &mdash; now</p></body></html>',
    gives: ["T\n\nCafé open — now"],
  },
  { name: "HTML of nothing but a script has no text", bytes: "<html><script>1</script></html>", gives: "empty_text" },
  { name: "HTML nested 200 000 deep is read", bytes: `<html>${"<div>".repeat(200_000)}deep`, gives: ["deep"] },
  {
    name: "HTML that ends in the middle of a tag keeps what came before",
    bytes: "<html><p>kept</p><a href='",
    gives: ["kept"],
  },
]);
