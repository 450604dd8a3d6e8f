import { checkPages } from "../fixtures/check-pages.ts";

const mail = (parts: string) =>
  'From: "Ann" <ann@a.example>\r\nTo: bob@b.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Thu, 29 Feb 2024 12:00:00 +0000\r\n' +
  `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=X\r\n\r\n${parts}--X--\r\n`;
const part = (type: string, body: string, more = "") => `--X\r\nContent-Type: ${type}\r\n${more}\r\n${body}\r\n`;
const HEAD = "Grüße: Subject: Grüße\nFrom: Ann <ann@a.example>\nTo: bob@b.example\nDate: 2024-02-29T12:00:00.000Z\n\n";

const SHORT = (subject: string) => `From: a@b.example\r\nTo: c@d.example\r\nSubject: ${subject}\r\n\r\n`;
const alternative = (plain: string, html: string) =>
  part(
    "multipart/alternative; boundary=Y",
    `${part("text/plain", plain)}${part("text/html", html)}--Y--`.replaceAll("--X", "--Y"),
  );
const CALENDAR = [
  "BEGIN:VCALENDAR",
  "BEGIN:VTIMEZONE",
  "DTSTART:16010101T000000",
  "END:VTIMEZONE",
  "BEGIN:VEVENT",
  "SUMMARY:Budget\\, review",
  "LOCATION:Room Dan",
  " ube",
  "DTSTART:20240301T090000Z",
  'ATTENDEE;CN="Bob: second";RSVP=TRUE:mailto:bob@b.example',
  "DESCRIPTION:Bring the Q4 numbers\\nand a pen",
  "END:VEVENT",
  "END:VCALENDAR",
].join("\r\n");

function nested(depth: number): string {
  const head = `From: a@b.example\r\nTo: c@d.example\r\nSubject: ${depth}\r\n`;
  return depth === 0
    ? `${head}\r\nthe innermost`
    : `${head}MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n${nested(depth - 1)}`;
}

/** Of twelve: the first and ten within it. */
function nestedText(depth: number): string {
  const heads = Array.from({ length: depth + 1 }, (_, index) => 12 - index);
  return `12: ${heads.map((number) => `Subject: ${number}\nFrom: a@b.example\nTo: c@d.example\n`).join("\n")}`.trimEnd();
}

checkPages([
  {
    name: "a mail gives its headers, its HTML part and its attachments' names",
    bytes: mail(
      part("text/html; charset=utf-8", "<p>Hello <b>there</b></p>") +
        part("application/pdf", "%PDF-", 'Content-Disposition: attachment; filename="plan.pdf"\r\n'),
    ),
    gives: [`${HEAD}Hello there\nAttachments: plan.pdf`],
  },
  {
    name: "a mail's plain part in a legacy charset",
    bytes: Buffer.from(mail(part("text/plain; charset=iso-8859-1", "Schöne Grüße")), "latin1"),
    gives: [`${HEAD}Schöne Grüße`],
  },
  {
    name: "a mail in a legacy encoding that nothing names",
    bytes: Buffer.from(`${SHORT("Gruesse")}Schöne Grüße aus Österreich`, "latin1"),
    gives: ["Gruesse: Subject: Gruesse\nFrom: a@b.example\nTo: c@d.example\n\nSchöne Grüße aus Österreich"],
  },
  {
    name: "of two parts that say the same the plain one is taken, the HTML one when it says more",
    bytes: mail(
      alternative(
        "See the list at https://shop.example/orders/7781",
        "<p>See the list</p><table><tr><td>Kettle</td><td>2</td></tr></table>",
      ) + alternative("> quoted\r\n\r\nmy answer", "<blockquote>quoted</blockquote><p>my answer</p>"),
    ),
    gives: [`${HEAD}See the list\n\nKettle | 2\n\nquoted\n\nmy answer`],
  },
  {
    name: "a plain part that says as much stays as it is written",
    bytes: mail(alternative("> quoted\r\n\r\nmy answer", "<blockquote>quoted</blockquote><p>my answer</p>")),
    gives: [`${HEAD}> quoted\n\nmy answer`],
  },
  {
    name: "messages within it stand in the text, whatever their disposition, and what is within them",
    bytes: mail(
      part("text/plain", "See below.") +
        part(
          "message/rfc822",
          `${SHORT("Inner")}Inner text`,
          'Content-Disposition: attachment; filename="orig.eml"\r\n',
        ),
    ),
    gives: [`${HEAD}See below.\nSubject: Inner\nFrom: a@b.example\nTo: c@d.example\n\nInner text`],
  },
  {
    name: "messages more than ten deep are named as left out",
    bytes: nested(12),
    gives: [nestedText(10)],
    warns: ["part_skipped 1"],
  },
  {
    name: "a delivery report tells what was not delivered, and why",
    bytes: mail(
      part("text/plain", "It could not be delivered.") +
        part("message/delivery-status", "Final-Recipient: rfc822; nobody@b.example\r\nStatus: 5.1.1") +
        part("message/rfc822", `${SHORT("Lost")}Lost words`),
    ),
    gives: [
      `${HEAD}It could not be delivered.\nFinal-Recipient: rfc822; nobody@b.example\nStatus: 5.1.1\n` +
        "Subject: Lost\nFrom: a@b.example\nTo: c@d.example\n\nLost words",
    ],
  },
  {
    name: "an appointment gives what people see of it",
    bytes: mail(part("text/calendar; method=REQUEST", CALENDAR)),
    gives: [
      `${HEAD}Summary: Budget, review\nLocation: Room Danube\nStart: 20240301T090000Z\nAttendee: Bob: second <bob@b.example>\nDescription: Bring the Q4 numbers\nand a pen`,
    ],
  },
  {
    name: "texts that are no attachments are read, those with a name are named",
    bytes: mail(
      part("text/x-log", "a line of a log") +
        part("text/csv", "a,b", 'Content-Disposition: inline; filename="t.csv"\r\n'),
    ),
    gives: [`${HEAD}a line of a log\nAttachments: t.csv`],
  },
  ...["\r\n", "\r"].flatMap((end) =>
    [
      ["a UTF-8 mark", (text: string) => Buffer.from(`\ufeff${text}`)],
      ["UTF-16 with a mark", (text: string) => Buffer.from(`\ufeff${text}`, "utf16le")],
      ["UTF-16 without one", (text: string) => Buffer.from(text, "utf16le").swap16()],
      ["a mark behind empty lines", (text: string) => Buffer.from(`${end}${end}\ufeff${text}`)],
      ["empty lines", (text: string) => Buffer.from(`${end}${end}${text}`)],
    ].map(([name, encode]) => ({
      name: `a mail behind ${name}, its lines ending in ${JSON.stringify(end)}`,
      bytes: typeof encode === "function" ? encode(`${SHORT("Hi").replaceAll("\r\n", end)}Body größer`) : "",
      gives: ["Hi: Subject: Hi\nFrom: a@b.example\nTo: c@d.example\n\nBody größer"],
    })),
  ),
  {
    name: "a web page saved with its parts (MHTML) is read, though it has neither sender nor subject",
    bytes:
      "MIME-Version: 1.0\r\nX-Document-Type: Worksheet\r\nContent-Type: multipart/related; boundary=X\r\n\r\n" +
      `${part("text/html", "<p>one =3D</p>", "Content-Transfer-Encoding: quoted-printable\r\n")}${part("text/html", "<p>two</p>")}--X--`,
    as: { filename: "report.doc", declaredType: "application/msword" },
    gives: ["one =\n\ntwo"],
  },
  {
    name: "a header with spaces before its colon is no line between mails",
    bytes: "From : a@b.example\nTo: c@d.example\nSubject: x\n\nbody at 10:00",
    as: { filename: "a.eml" },
    gives: ["x: Subject: x\nFrom: a@b.example\nTo: c@d.example\n\nbody at 10:00"],
  },
  {
    name: "an archive of mails is a page for each",
    bytes:
      `From a@b.example Mon Feb  5 10:00:00 2024\n${SHORT("One").replaceAll("\r", "")}First\n>From here on\n\n` +
      `From c@d.example Mon Feb  5 11:00:00 2024\n${SHORT("Two").replaceAll("\r", "")}Second\nFrom within\n`,
    as: { filename: "archive.eml" },
    gives: [
      "One: Subject: One\nFrom: a@b.example\nTo: c@d.example\n\nFirst\nFrom here on",
      "Two: Subject: Two\nFrom: a@b.example\nTo: c@d.example\n\nSecond\nFrom within",
    ],
  },
]);
