import { checkPages } from "../fixtures/check-pages.ts";

const DRAWING = `<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd" [<!ENTITY x "y">]>
<!-- drawn by hand --><svg xmlns="http://www.w3.org/2000/svg"><title>Pump diagram</title><style>text{}</style><desc>Two valves</desc>
<text x="1">Val<tspan font-weight="bold">ve</tspan><tspan x="9">seven</tspan></text><text display="none">no</text><g style="display:none"><text>no</text></g>
<foreignObject><p>and</p><p>more</p></foreignObject></svg>`;
const TEXT = "Pump diagram: Pump diagram\nTwo valves\nValve seven\nand more";

checkPages([
  { name: "a drawing gives its texts", bytes: DRAWING, gives: [TEXT] },
  { name: "a drawing declared as one", bytes: DRAWING, as: { declaredType: "image/svg+xml" }, gives: [TEXT] },
  { name: "a drawing declared as XML", bytes: DRAWING, as: { declaredType: "application/xml" }, gives: [TEXT] },
  { name: "a drawing with a prefix", bytes: "<s:svg xmlns:s='x'><s:text>a</s:text></s:svg>", gives: ["a"] },
  { name: "a drawing of lines has no text", bytes: "<svg><path d='M0'/></svg>", gives: "empty_text" },
]);
