import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { listAt, textAt } from "../../server/test/support/json.ts";
import { type Row, row, type Target } from "../figures.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

/** A question of text/questions/, whose README tells the kinds. */
interface Question {
  readonly language: string;
  readonly kind: string;
  readonly text: string;
  /** Filename of the one document that answers it. */
  readonly answer: string;
}

interface Answered extends Question {
  /** Filenames, best first. */
  readonly found: readonly string[];
  /** Place of the answer among what was found, from 1; Infinity = not there. */
  readonly rank: number;
}

interface Company {
  readonly documents: readonly {
    readonly language: string;
    readonly filename: string;
    readonly title: string;
    readonly text: string;
  }[];
  readonly questions: readonly Question[];
}

const FOLDER = join(import.meta.dirname, "../text/questions");
/** As many as there are documents: the mean reciprocal rank then needs no cut. */
const DEPTH = 100;

/**
 * hit@1 and mean reciprocal rank of questions as people type them, through the public API, all documents of all
 * languages in one team: overall, by language, by kind, and a line for each question that another document came first
 * for.
 */
export async function questions(options: Options): Promise<readonly Row[]> {
  const company = readCompany();
  const wharf = await Wharf.start(options);
  try {
    await upload(wharf, company);
    const answered = await ask(wharf, company);
    return [
      scored("all", answered, { of: "figure", atLeast: 0.95 }),
      ...grouped(answered, ({ language }) => language),
      ...grouped(answered, ({ kind }) => kind),
      ...answered.filter(({ rank }) => rank !== 1).map(missed),
    ];
  } finally {
    await wharf.close();
  }
}

async function upload({ url, key }: Wharf, { documents }: Company): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-questions-"));
  try {
    const files = documents.map(({ language, filename, title, text }) => {
      const path = join(folder, filename);
      writeFileSync(path, text);
      return { path, filename, title, contentType: "text/plain", bucket: language };
    });
    const { names } = await load({ url, key, callers: 8, count: files.length, unit: { kind: "index", files } });
    const unread = names.findIndex((name) => !name.endsWith(" indexed"));
    if (unread >= 0) throw new Error(`${files[unread]?.filename} was not indexed: ${names[unread]}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ask({ url, key }: Wharf, company: Company): Promise<readonly Answered[]> {
  const bodies = company.questions.map(({ text }) => ({ query: text, limit: DEPTH }));
  const { names } = await load({ url, key, callers: 2, count: bodies.length, unit: { kind: "search", bodies } });
  return company.questions.map((question, at) => {
    // A document stands where its best chunk stands. No filename here has a space.
    const found = [...new Set((names[at] ?? "").split(" "))].filter((name) => name !== "");
    const place = found.indexOf(question.answer);
    return { ...question, found, rank: place < 0 ? Number.POSITIVE_INFINITY : place + 1 };
  });
}

function grouped(answered: readonly Answered[], by: (question: Question) => string): readonly Row[] {
  return Object.entries(Object.groupBy(answered, by)).map(([name, group]) => scored(name, group ?? []));
}

function scored(name: string, answered: readonly Answered[], target?: Target): Row {
  const share = (of: (rank: number) => number) =>
    answered.reduce((sum, { rank }) => sum + of(rank), 0) / answered.length;
  const first = share((rank) => (rank === 1 ? 1 : 0));
  const reciprocal = share((rank) => 1 / rank);
  const note = `${Math.round(first * answered.length)} of ${answered.length}; MRR ${reciprocal.toFixed(3)}`;
  const asked = { what: `questions, hit@1: ${name}`, unit: "", figure: first, note };
  return row(target === undefined ? asked : { ...asked, target });
}

/** Its figure is its part of the mean reciprocal rank. */
function missed({ language, kind, text, answer, found, rank }: Answered): Row {
  const place = Number.isFinite(rank) ? `place ${rank}` : "not found";
  const note = `${place}: ${answer}; first was ${found[0] ?? "nothing"}`;
  return row({ what: `missed (${language}, ${kind}): ${text}`, unit: "", figure: 1 / rank, note });
}

/** Throws when a line is not what the README of the folder says. */
function readCompany(): Company {
  const documents: Company["documents"][number][] = [];
  const asked: Question[] = [];
  for (const file of readdirSync(FOLDER)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()) {
    const language = basename(file, ".jsonl");
    for (const line of readFileSync(join(FOLDER, file), "utf8").trim().split("\n")) {
      const document: unknown = JSON.parse(line);
      const filename = textAt(document, "file");
      documents.push({ language, filename, title: textAt(document, "title"), text: textAt(document, "text") });
      for (const question of listAt(document, "questions"))
        asked.push({ language, kind: textAt(question, "kind"), text: textAt(question, "text"), answer: filename });
    }
  }
  return { documents, questions: asked };
}
