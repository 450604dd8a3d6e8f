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
    gives: ["Title & more\n\n## Heading\n\nOne bold, two.\n\na | b\n1 | 3\n\n- x\n- y\n\n  kept\n   so"],
  },
  {
    name: "HTML in the charset of its meta tag",
    bytes: Buffer.concat([Buffer.from('<html><meta charset="koi8-r"><p>'), KOI8]),
    gives: ["Привет, мир!"],
  },
  { name: "HTML of nothing but a script has no text", bytes: "<html><script>1</script></html>", gives: "empty_text" },
  { name: "HTML nested 200 000 deep is read", bytes: `<html>${"<div>".repeat(200_000)}deep`, gives: ["deep"] },
  {
    name: "HTML that ends in the middle of a tag keeps what came before",
    bytes: "<html><p>kept</p><a href='",
    gives: ["kept"],
  },
]);
