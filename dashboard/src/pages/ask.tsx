import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { objectsOf } from "../json.ts";
import { useApp } from "../parts/app-context.ts";
import { Button, Field, Heading, Marked, Name, Notice } from "../parts/basics.tsx";
import { BucketSelect } from "../parts/bucket-select.tsx";
import { useLoaded } from "../parts/loading.ts";
import { PageView } from "../parts/page-view.tsx";
import { go, hashOf } from "../route.ts";
import { type Answer, answerOf, type Passage, type Place, passageOf } from "../wire.ts";

interface AskRoute {
  readonly query: string;
  readonly bucket: string;
  readonly place: Place | null;
}

/** Ask, read the answer and the passages, and see each on its page. */
export function Ask({ query, bucket, place }: AskRoute) {
  const { api } = useApp();
  const [text, setText] = useState(query);
  useEffect(() => setText(query), [query]);
  const ask = (more: Partial<AskRoute>) => go({ page: "ask", query: text.trim(), bucket, place: null, ...more });
  if (!api.may("search"))
    return (
      <main id="main">
        <Heading>Ask</Heading>
        <Notice tone="quiet">You may not search: that needs the scope search.</Notice>
      </main>
    );
  return (
    <main id="main" class="wide">
      <Heading focused={query === ""}>Ask</Heading>
      <search>
        <form
          class="ask"
          onSubmit={(event) => {
            event.preventDefault();
            ask({});
          }}
        >
          <Field label="Question or words">
            <input
              type="search"
              name="q"
              value={text}
              maxLength={2000}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </Field>
          <Field label="In">
            <BucketSelect value={bucket} all="All buckets" onChange={(chosen) => ask({ bucket: chosen })} />
          </Field>
          <Button submit kind="main" disabled={text.trim() === ""}>
            Ask
          </Button>
        </form>
      </search>
      {query === "" ? (
        <p class="hint">
          Ask in your own words, or paste a phrase. You see the passages that hold the words, each on its page, and can
          have an answer written from them.
        </p>
      ) : null}
      {query === "" ? null : <Found query={query} bucket={bucket} place={place} />}
    </main>
  );
}

function Found({ query, bucket, place }: AskRoute) {
  const { api } = useApp();
  const [isAnswering, setAnswering] = useState(false);
  useEffect(() => setAnswering(false), [query, bucket]);
  const found = useLoaded(`${bucket} ${query}`, async (signal) => {
    const body = { query, limit: 20, ...(bucket === "" ? {} : { bucket }) };
    const answer = await api.json("POST", "v1/knowledge/search", { body, signal });
    return { query, passages: objectsOf(answer, "results").map(passageOf) };
  });
  const passages = found.value?.query === query ? found.value.passages : [];
  const [first] = passages;
  const see = place ?? first ?? null;
  const chosen = place === null ? "" : `${place.fileId} ${place.page} ${place.start}`;
  const seen = useRef<HTMLElement>(null);
  useEffect(() => {
    // Beside the list it is in sight; above it, on a narrow screen, it is not.
    if (chosen !== "") seen.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <div class="halves">
      <section aria-labelledby="found">
        <div class="row between head">
          <div>
            <h2 id="found">Found</h2>
            <p role="status" class="hint">
              {found.isLoading ? "Searching …" : found.error === null ? saysOf(passages) : ""}
            </p>
          </div>
          {isAnswering || passages.length === 0 ? null : (
            <Button onClick={() => setAnswering(true)}>Write an answer from these</Button>
          )}
        </div>
        {found.error === null ? null : <Notice tone="bad">{found.error}</Notice>}
        {isAnswering ? (
          <Written query={query} bucket={bucket} files={[...new Set(passages.map(({ fileId }) => fileId))]} />
        ) : null}
        <ol class="passages">
          {passages.map((passage) => (
            <PassageItem
              key={`${passage.fileId} ${passage.page} ${passage.start}`}
              passage={passage}
              isSeen={see !== null && isSamePlace(see, passage)}
              href={hashOf({ page: "ask", query, bucket, place: passage })}
            />
          ))}
        </ol>
      </section>
      {see === null ? null : (
        <section class="see" aria-labelledby="see" ref={seen}>
          <h2 id="see">On its page</h2>
          <PageView
            place={see}
            words={passages.find((passage) => isSamePlace(passage, see))}
            onPage={(page) =>
              go({ page: "ask", query, bucket, place: { ...see, page, start: 0, end: 0 } }, { replace: true })
            }
          />
        </section>
      )}
    </div>
  );
}

function saysOf(passages: readonly Passage[]): string {
  if (passages.length === 0) return "Nothing is like that. Try other words, or another bucket.";
  return passages.length === 1 ? "1 passage" : `${passages.length} passages, the best first`;
}

function isSamePlace(one: Place, other: Place): boolean {
  return one.fileId === other.fileId && one.page === other.page && one.start === other.start;
}

function PassageItem({
  passage,
  isSeen,
  href,
}: {
  readonly passage: Passage;
  readonly isSeen: boolean;
  readonly href: string;
}) {
  const { title, filename, page, buckets, duplicates } = passage;
  const { text, highlights } = beginningAtWords(passage);
  return (
    <li class={isSeen ? "passage seen" : "passage"}>
      <a href={href} aria-current={isSeen ? "true" : undefined}>
        <Name>{title || filename}</Name>, page {page}
      </a>
      <p class="words">
        <Marked text={text} ranges={highlights} />
      </p>
      <p class="hint">
        {buckets.join(", ")}
        {duplicates === 0 ? "" : `; the same words ${duplicates} more ${duplicates === 1 ? "time" : "times"}`}
      </p>
    </li>
  );
}

/** A list shows some lines of a passage: they begin shortly before the place that has most of the different words. */
function beginningAtWords({ text, highlights }: Passage): Pick<Passage, "text" | "highlights"> {
  let [first, most] = [0, 0];
  for (const [start] of highlights) {
    const near = highlights.filter(([other]) => other >= start && other < start + SHOWN_CHARS);
    const { size } = new Set(near.map((range) => text.slice(...range).toLowerCase()));
    if (size > most) [first, most] = [start, size];
  }
  if (first < LEAD_CHARS * 2) return { text, highlights };
  const from = text.indexOf(" ", first - LEAD_CHARS) + 1;
  if (from === 0 || from > first) return { text, highlights };
  const moved = from - ELLIPSIS.length;
  return {
    text: ELLIPSIS + text.slice(from),
    highlights: highlights.map(([start, end]) => [start - moved, end - moved] as const),
  };
}

const ELLIPSIS = "… ";
const LEAD_CHARS = 60;
/** Of four lines, so many have the words before them. */
const SHOWN_CHARS = 220;

/** An answer from the files that were found, whose numbers lead to the passages that it cites. */
function Written({
  query,
  bucket,
  files,
}: {
  readonly query: string;
  readonly bucket: string;
  readonly files: readonly string[];
}) {
  const { api } = useApp();
  const answer = useLoaded(`answer ${bucket} ${query}`, async (signal) => {
    const content = [{ type: "input_text", text: query }, ...files.map((file_id) => ({ type: "input_file", file_id }))];
    const body = { model: "calypso-rag-agent", input: [{ role: "user", content }], store: false, stream: false };
    return answerOf(await api.json("POST", "v1/responses", { body, signal }));
  });
  const heading = useRef<HTMLHeadingElement>(null);
  // The button that asked for it is gone, and the focus with it.
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <div class="answer card" aria-live="polite">
      <h3 ref={heading} tabIndex={-1}>
        Answer
      </h3>
      {answer.error === null ? null : <Notice tone="bad">{answer.error}</Notice>}
      {answer.isLoading ? <p>Writing …</p> : null}
      {answer.value === null ? null : (
        <>
          <p class="words">{withLinks(answer.value, query, bucket)}</p>
          <ol class="sources">
            {answer.value.sources.map((source) => (
              <li key={source.label} value={Number(source.label)}>
                <a href={hashOf({ page: "ask", query, bucket, place: source })}>
                  <Name>{source.filename}</Name>, page {source.page}
                </a>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

/** Each `[n]` that has a source is a link to it; all else is text. */
function withLinks({ text, sources }: Answer, query: string, bucket: string): readonly ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const mark of text.matchAll(/\[(\d{1,3})\]/g)) {
    const source = sources.find(({ label }) => label === mark[1]);
    if (source === undefined) continue;
    const href = hashOf({ page: "ask", query, bucket, place: source });
    const label = `Source ${mark[1]}: ${source.filename}, page ${source.page}`;
    parts.push(
      text.slice(at, mark.index),
      <a class="citation" href={href} aria-label={label}>
        {mark[0]}
      </a>,
    );
    at = mark.index + mark[0].length;
  }
  return [...parts, text.slice(at)];
}
