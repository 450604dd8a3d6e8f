import { checkPages } from "../fixtures/check-pages.ts";

const mail = (parts: string) =>
  'From: "Ann" <ann@a.example>\r\nTo: bob@b.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Thu, 29 Feb 2024 12:00:00 +0000\r\n' +
  `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=X\r\n\r\n${parts}--X--\r\n`;
const part = (type: string, body: string, more = "") => `--X\r\nContent-Type: ${type}\r\n${more}\r\n${body}\r\n`;
const HEAD = "Grüße: Subject: Grüße\nFrom: Ann <ann@a.example>\nTo: bob@b.example\nDate: 2024-02-29T12:00:00.000Z\n\n";

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
]);
