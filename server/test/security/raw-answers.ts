import type { JudgedAnswer } from "./answer-judge.ts";

export interface RawAnswers {
  /** Those that are whole, 1xx ones too. */
  readonly answers: readonly JudgedAnswer[];
  /** What is no HTTP about the bytes; null = they end where an answer ends. */
  readonly fault: string | null;
}

/** Takes a connection's bytes apart. `headOnly`: a HEAD may be among the requests, so no length can be relied on. */
export function answersIn(bytes: Buffer, headOnly = false): RawAnswers {
  const answers: JudgedAnswer[] = [];
  for (let here = 0; here < bytes.length; ) {
    const headEnd = bytes.indexOf("\r\n\r\n", here);
    if (headEnd < 0) return { answers, fault: `the bytes end within a head: ${shown(bytes, here)}` };
    const [statusLine = "", ...lines] = bytes.subarray(here, headEnd).toString("latin1").split("\r\n");
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1];
    if (status === undefined) return { answers, fault: `no status line: ${shown(bytes, here)}` };
    const headers = headersOf(lines);
    const body = bodyAt(bytes, headEnd + 4, Number(status), headers);
    if (body === null) return { answers, fault: `the bytes end within a body: ${shown(bytes, here)}` };
    answers.push({ status: Number(status), headers, body: body.bytes });
    if (headOnly) return { answers, fault: null };
    here = body.end;
  }
  return { answers, fault: null };
}

function headersOf(lines: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return headers;
}

interface Body {
  readonly bytes: Buffer;
  readonly end: number;
}

function bodyAt(bytes: Buffer, start: number, status: number, headers: Readonly<Record<string, string>>): Body | null {
  if (status < 200 || status === 204 || status === 304) return { bytes: Buffer.alloc(0), end: start };
  if (headers["transfer-encoding"] === "chunked") return chunkedAt(bytes, start);
  const length = headers["content-length"];
  const end = length === undefined ? bytes.length : start + Number(length);
  return end > bytes.length ? null : { bytes: bytes.subarray(start, end), end };
}

function chunkedAt(bytes: Buffer, start: number): Body | null {
  const pieces: Buffer[] = [];
  for (let here = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", here);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.subarray(here, lineEnd).toString("latin1"), 16);
    const end = lineEnd + 2 + size + 2;
    if (!Number.isInteger(size) || end > bytes.length) return null;
    pieces.push(bytes.subarray(lineEnd + 2, end - 2));
    here = end;
    if (size === 0) return { bytes: Buffer.concat(pieces), end };
  }
}

function shown(bytes: Buffer, from: number): string {
  return bytes.subarray(from, from + 120).toString("latin1");
}
