import { useEffect, useState } from "preact/hooks";
import { isObject, objectsOf, textOf, textsOf } from "../json.ts";
import { useApp } from "../parts/app-context.ts";
import { Badge, Button, Field, Heading, Name, Notice, Scrolling } from "../parts/basics.tsx";
import { BucketSelect } from "../parts/bucket-select.tsx";
import { useLoaded } from "../parts/loading.ts";
import { type FileFilter, go, hashOf, NO_FILTER } from "../route.ts";
import { fileOf, type WatchedFile } from "../wire.ts";
import { bytes, doing, toneOf, when, whyNot } from "../words.ts";

/** Rows on a page: what a screen or two hold, and a list of 100 000 files draws no more. */
const PAGE = 50;
/**
 * A filter that matches rarely gives short pages; this many are put together before the page says that there may be
 * more.
 */
const PAGES_JOINED = 20;

interface FilePage {
  readonly files: readonly WatchedFile[];
  /** Null: the end. */
  readonly next: string | null;
}

/**
 * All files of the team, in pages that stay as they are while others upload: a page begins after a file, not at a
 * number.
 */
export function Files({ filter }: { readonly filter: FileFilter }) {
  const { api } = useApp();
  const filterKey = JSON.stringify(filter);
  const [cursors, setCursors] = useCursors(`${api.me.value?.team} ${filterKey}`);
  const cursor = cursors.at(-1) ?? "";
  const page = useLoaded(`${filterKey} ${cursor}`, (signal) => pageOf(filter, cursor, signal));

  async function pageOf(filter: FileFilter, cursor: string, signal: AbortSignal): Promise<FilePage> {
    const files: WatchedFile[] = [];
    let next = cursor;
    for (let joined = 0; joined < PAGES_JOINED && files.length < PAGE; joined++) {
      const { name, bucket, status, order } = filter;
      const query = new URLSearchParams({ limit: String(PAGE - files.length) });
      for (const [key, value] of Object.entries({ name, bucket, status, order, cursor: next }))
        if (value !== "") query.set(key, value);
      const answer = await api.json("GET", `v1/knowledge/files?${query}`, { signal });
      files.push(...objectsOf(answer, "files").map(fileOf));
      next = textOf(answer, "next_cursor");
      if (next === "") return { files, next: null };
    }
    return { files, next };
  }

  const change = (changes: Partial<FileFilter>) =>
    go({ page: "files", filter: { ...filter, ...changes } }, { replace: true });
  const { value, error, isLoading } = page;
  return (
    <main id="main">
      <Heading>Files</Heading>
      <search>
        <form class="filters" aria-label="Filter files" onSubmit={(event) => event.preventDefault()}>
          <Field label="Name">
            <NameFilter name={filter.name} onName={(name) => change({ name })} />
          </Field>
          <Field label="Bucket">
            <BucketSelect value={filter.bucket} all="All" archived onChange={(bucket) => change({ bucket })} />
          </Field>
          <Field label="State">
            <select value={filter.status} onChange={(event) => change({ status: event.currentTarget.value })}>
              <option value="">All</option>
              <option value="indexed">Findable</option>
              <option value="queued">Queued</option>
              <option value="indexing">Being read</option>
              <option value="failed">Failed</option>
              <option value="deleted">Deleted</option>
            </select>
          </Field>
          <Field label="Order">
            <select value={filter.order} onChange={(event) => change({ order: event.currentTarget.value })}>
              <option value="newest">Newest first</option>
              <option value="oldest">Oldest first</option>
            </select>
          </Field>
        </form>
      </search>
      {error === null ? null : <Notice tone="bad">{error}</Notice>}
      <p role="status" class="hint">
        {isLoading ? "Loading …" : value === null ? "" : saysOf(value, cursors.length)}
      </p>
      {value === null || value.files.length === 0 ? null : <FileTable files={value.files} />}
      {value !== null && value.files.length === 0 && value.next === null && filterKey === JSON.stringify(NO_FILTER) ? (
        <p>
          <a href="#/">Drop some</a> to begin with.
        </p>
      ) : null}
      <nav class="row" aria-label="Pages">
        <Button disabled={cursors.length <= 1 || isLoading} onClick={() => setCursors(cursors.slice(0, -1))}>
          Previous
        </Button>
        <Button disabled={value?.next == null || isLoading} onClick={() => setCursors([...cursors, value?.next ?? ""])}>
          Next
        </Button>
      </nav>
    </main>
  );
}

/**
 * Where each page of a list before this one began; the last is this one's. They stand beside the address in the history,
 * so that Back from a file leads to the page that it was on.
 */
function useCursors(list: string): readonly [readonly string[], (cursors: readonly string[]) => void] {
  const [, drawAgain] = useState({});
  const turn = (cursors: readonly string[]) => {
    history.replaceState({ list, cursors }, "");
    drawAgain({});
  };
  const state: unknown = history.state;
  return [isObject(state) && state["list"] === list ? textsOf(state, "cursors") : [""], turn];
}

function saysOf({ files, next }: FilePage, pages: number): string {
  if (files.length === 0) return next === null ? "No file is like that." : "None so far; go on with Next.";
  const end = next === null ? (pages === 1 ? ", all of them" : ", the last of them") : "";
  return `Page ${pages}: ${files.length} ${files.length === 1 ? "file" : "files"}${end}`;
}

/** Asked for once the typing rests. */
function NameFilter({ name, onName }: { readonly name: string; readonly onName: (name: string) => void }) {
  const [text, setText] = useState(name);
  useEffect(() => setText(name), [name]);
  useEffect(() => {
    if (text === name) return;
    const timer = setTimeout(() => onName(text), 300);
    return () => clearTimeout(timer);
  });
  return (
    <input
      type="search"
      value={text}
      maxLength={200}
      placeholder="part of a name or title"
      onInput={(event) => setText(event.currentTarget.value)}
    />
  );
}

function bucketsOf({ buckets }: WatchedFile): string {
  return buckets.map(({ slug }) => slug).join(", ");
}

function FileTable({ files }: { readonly files: readonly WatchedFile[] }) {
  return (
    <Scrolling kind="table" label="Files">
      <table>
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col">State</th>
            <th scope="col" class="roomy">
              Buckets
            </th>
            <th scope="col" class="roomy number">
              Size
            </th>
            <th scope="col" class="roomy">
              Uploaded
            </th>
          </tr>
        </thead>
        <tbody>
          {files.map((file) => (
            <FileRow key={file.id} file={file} />
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}

/** Each text is made once: a page of the list makes fifty rows in one go. */
function FileRow({ file }: { readonly file: WatchedFile }) {
  const [buckets, size, time, why] = [bucketsOf(file), bytes(file.sizeBytes), when(file.createdAt), whyNot(file.error)];
  return (
    <tr>
      <th scope="row" data-more={[buckets, size, time].filter((text) => text !== "").join(" · ")}>
        <a href={hashOf({ page: "file", id: file.id, at: 1 })}>
          <Name>{file.title || file.filename || file.id}</Name>
        </a>
        {file.title === file.filename || file.title === "" ? null : (
          <div class="hint">
            <Name>{file.filename}</Name>
          </div>
        )}
        {why === "" ? null : <div class="why">{why}</div>}
      </th>
      <td>
        <Badge tone={toneOf(file)}>{doing(file)}</Badge>
      </td>
      <td class="roomy">{buckets}</td>
      <td class="roomy number">{size}</td>
      <td class="roomy time">{time}</td>
    </tr>
  );
}
