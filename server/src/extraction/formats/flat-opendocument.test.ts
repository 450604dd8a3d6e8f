import { checkPages } from "../fixtures/check-pages.ts";

const flat = (kind: string, body: string) =>
  '<?xml version="1.0" encoding="UTF-8"?>\n<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" ' +
  `xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:mimetype="application/vnd.oasis.opendocument.${kind}">` +
  "<office:meta><dc:title>no</dc:title></office:meta><office:settings><config:config-item>no</config:config-item></office:settings>" +
  `<office:body>${body}</office:body></office:document>`;
const TEXT = flat(
  "text",
  "<office:text><text:p>Flat <draw:image><office:binary-data>bm8=</office:binary-data></draw:image>text</text:p></office:text>",
);

checkPages([
  { name: "a flat OpenDocument text", bytes: TEXT, gives: ["Flat text"] },
  {
    name: "a flat OpenDocument text with its own type",
    bytes: TEXT,
    as: { declaredType: "application/vnd.oasis.opendocument.text-flat-xml" },
    gives: ["Flat text"],
  },
  {
    name: "a flat OpenDocument text declared as text",
    bytes: TEXT,
    as: { declaredType: "text/xml" },
    gives: ["Flat text"],
  },
  {
    name: "a flat OpenDocument spreadsheet",
    bytes: flat(
      "spreadsheet",
      '<office:spreadsheet><table:table table:name="S"><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>' +
        "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>",
    ),
    gives: ["S: a | b"],
  },
  { name: "a flat OpenDocument drawing is refused", bytes: flat("graphics", ""), gives: "unsupported_file_type" },
  {
    name: "Word 2003 XML is refused, whatever it is called",
    bytes:
      '<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"/>',
    as: { filename: "a.doc", declaredType: "application/msword" },
    gives: "unsupported_file_type",
  },
  {
    name: "Excel 2003 XML is refused",
    bytes: '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"></Workbook>',
    as: { declaredType: "application/vnd.ms-excel" },
    gives: "unsupported_file_type",
  },
  {
    name: "flat Word XML is refused",
    bytes: '<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"></pkg:package>',
    gives: "unsupported_file_type",
  },
  {
    name: "other XML stands as it is",
    bytes: "<document><p>a</p></document>",
    gives: ["<document><p>a</p></document>"],
  },
]);
