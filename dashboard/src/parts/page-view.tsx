import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../api.ts";
import { objectsOf, textOf } from "../json.ts";
import type { Mark, Wanted } from "../pdf/messages.ts";
import { fileOf, type Passage, type Place } from "../wire.ts";
import { count } from "../words.ts";
import { useApp } from "./app-context.ts";
import { Button, MarkedPassage, Name, Notice, Scrolling } from "./basics.tsx";
import { useLoaded } from "./loading.ts";

interface PageViewProps {
  /** Start and end 0: the page alone, nothing marked. */
  readonly place: Place;
  /** The passage with its highlights, when the place is one that was found. */
  readonly words?: Passage | undefined;
  readonly onPage: (page: number) => void;
}

/** A page of a file with the passage marked: a PDF as it looks, everything else as its text. */
export function PageView(wanted: PageViewProps) {
  const { api } = useApp();
  if (api.may("files:read")) return <SeenPage {...wanted} />;
  return <Notice tone="quiet">You may not see files: that needs the scope files:read.</Notice>;
}

function SeenPage({ place, words, onPage }: PageViewProps) {
  const { api } = useApp();
  const { fileId, page } = place;
  const path = `v1/knowledge/files/${encodeURIComponent(fileId)}`;
  const file = useLoaded(`file ${fileId}`, (signal) => api.json("GET", path, { signal }).then(fileOf));
  const text = useLoaded(`text ${fileId} ${page}`, async (signal) => {
    const [only] = objectsOf(await api.json("GET", `${path}/text?page=${page}`, { signal }), "pages");
    return only === undefined ? null : { page, fileId, text: textOf(only, "text"), label: textOf(only, "label") };
  });
  const [asText, setAsText] = useState(false);
  const known = file.value?.id === fileId ? file.value : null;
  const shown = text.value?.page === page && text.value.fileId === fileId ? text.value : null;
  const isPdf = known?.detectedType === "application/pdf";
  const pages = known?.pages ?? null;
  // An address may name any; the text's own refusal says which there are.
  const isThere = pages === null || page <= pages;
  const range = rangeOf(place, shown?.text ?? "");
  const find = shown === null || range === null ? null : wantedOf(shown.text, range, words);
  return (
    <article class="page">
      <div class="row between">
        <strong class="page-name">
          <a href={`#/file/${fileId}?page=${page}`}>
            <Name>{known?.filename ?? place.filename}</Name>
          </a>
        </strong>
        <div class="row">
          <Button disabled={page <= 1} onClick={() => onPage(Math.min(page - 1, pages ?? page))} label="Page before">
            ‹
          </Button>
          <span>
            Page {count(page)}
            {shown?.label && shown.label !== String(page) ? ` (${shown.label})` : ""}
            {pages === null ? "" : ` of ${count(pages)}`}
          </span>
          <Button disabled={pages === null || page >= pages} onClick={() => onPage(page + 1)} label="Next page">
            ›
          </Button>
          {isPdf ? <Button onClick={() => setAsText(!asText)}>{asText ? "As it looks" : "As text"}</Button> : null}
        </div>
      </div>
      {file.error === null ? null : <Notice tone="bad">{file.error}</Notice>}
      {text.error === null || file.error !== null ? null : <Notice tone="bad">{text.error}</Notice>}
      {isPdf && isThere && !asText && (shown !== null || text.error !== null) ? (
        <PdfPage fileId={fileId} page={page} find={find} name={known.filename} />
      ) : shown === null ? null : (
        <Scrolling kind="page-text" label={`Text of page ${page}`}>
          {shown.text === "" ? <em>There is no text on this page.</em> : null}
          {range === null ? shown.text : <MarkedPassage text={shown.text} passage={range} words={find?.words ?? []} />}
        </Scrolling>
      )}
    </article>
  );
}

function rangeOf({ start, end }: Place, text: string): readonly [number, number] | null {
  return end > start && end <= text.length ? [start, end] : null;
}

function wantedOf(text: string, [start, end]: readonly [number, number], words: Passage | undefined): Wanted {
  const passage = text.slice(start, end);
  const isSame = words !== undefined && words.start === start && words.text === passage;
  return { before: text.slice(0, start), text: passage, words: isSame ? words.highlights : [] };
}

const MARGIN_PX = 24;

function PdfPage({
  fileId,
  page,
  find,
  name,
}: {
  readonly fileId: string;
  readonly page: number;
  readonly find: Wanted | null;
  readonly name: string;
}) {
  const { pdf } = useApp();
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLElement>(null);
  const sheet = useRef<HTMLDivElement>(null);
  const [marks, setMarks] = useState<readonly Mark[]>([]);
  const [state, setState] = useState<"drawing" | "drawn" | string>("drawing");
  const wanted = JSON.stringify(find);
  useEffect(() => {
    const stop = new AbortController();
    setState("drawing");
    // The sheet is wider than its place where that is narrow (app.css).
    const width = Math.round((sheet.current?.clientWidth ?? 600) * Math.min(devicePixelRatio, 2));
    pdf.draw(fileId, page, Math.max(width, 320), find, stop.signal).then(
      (drawn) => {
        const target = canvas.current;
        if (stop.signal.aborted || target === null) return;
        [target.width, target.height] = [drawn.width, drawn.height];
        const pixels = new ImageData(new Uint8ClampedArray(drawn.pixels), drawn.width, drawn.height);
        target.getContext("2d")?.putImageData(pixels, 0, 0);
        setMarks(drawn.marks);
        setState("drawn");
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setState(messageOf(error));
      },
    );
    return () => stop.abort();
  }, [pdf, fileId, page, wanted]);
  const first = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const [mark, within] = [first.current, box.current];
    if (state !== "drawn" || mark === null || within === null) return;
    // Not scrollIntoView, which moves everything around the place as well.
    within.scrollTo({ top: mark.offsetTop - within.clientHeight / 3, left: mark.offsetLeft - MARGIN_PX });
  }, [state, marks]);
  return (
    <section
      class="pdf"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll (WCAG 2.1.1)
      tabIndex={0}
      aria-label={`Page ${page}, as it looks`}
      ref={box}
      data-state={state === "drawing" || state === "drawn" ? state : "failed"}
    >
      {state === "drawing" ? (
        <p class="hint">Drawing …</p>
      ) : state === "drawn" ? null : (
        <Notice tone="bad">{state}</Notice>
      )}
      <div class="pdf-sheet" ref={sheet}>
        <canvas ref={canvas} role="img" aria-label={`Page ${page} of ${name}`} hidden={state !== "drawn"} />
        {state !== "drawn"
          ? null
          : marks.map((mark, i) => (
              <div
                key={`${mark.left} ${mark.top} ${mark.isWord}`}
                ref={i === 0 ? first : null}
                class={mark.isWord ? "pdf-mark word" : "pdf-mark"}
                style={{
                  left: `${mark.left * 100}%`,
                  top: `${mark.top * 100}%`,
                  width: `${mark.width * 100}%`,
                  height: `${mark.height * 100}%`,
                }}
              />
            ))}
      </div>
      {state === "drawn" && find !== null && marks.length === 0 ? (
        <p class="hint">The passage is on this page; where exactly, the drawing does not tell. “As text” marks it.</p>
      ) : null}
    </section>
  );
}
