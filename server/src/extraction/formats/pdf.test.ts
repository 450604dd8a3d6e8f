import { checkPages } from "../fixtures/check-pages.ts";
import { pdfFile } from "../fixtures/pdf-file.ts";

checkPages([
  {
    name: "PDF pages come with their labels",
    bytes: pdfFile({ pages: ["One", "Two"], labels: "<< /Nums [0 << /S /r >> 1 << /S /D /St 5 >>] >>" }),
    gives: ["i: One", "5: Two"],
  },
  { name: "a PDF without labels", bytes: pdfFile({ pages: ["Only (this)"] }), gives: ["Only (this)"] },
  {
    name: "an empty page keeps the numbers of the others",
    bytes: pdfFile({ pages: ["One", "", "Three"] }),
    gives: ["One", "", "Three"],
  },
  { name: "a PDF with a password", bytes: pdfFile({ pages: ["secret"], encrypted: true }), gives: "encrypted_file" },
  { name: "a PDF of nothing but its header", bytes: "%PDF-1.4\nnothing", gives: "corrupt_file" },
  {
    name: "a PDF that is cut off before its table of objects is repaired",
    bytes: pdfFile({ pages: ["One"] }).subarray(0, -16),
    gives: ["One"],
  },
]);
