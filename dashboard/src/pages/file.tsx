import { useEffect, useState } from "preact/hooks";
import { messageOf, wait } from "../api.ts";
import { useApp } from "../parts/app-context.ts";
import { Badge, Button, Confirm, Heading, Name, Notice } from "../parts/basics.tsx";
import { useLoaded } from "../parts/loading.ts";
import { PageView } from "../parts/page-view.tsx";
import { go, NO_FILTER } from "../route.ts";
import { fileOf, isSettled, type WatchedFile } from "../wire.ts";
import { bytes, count, doing, exactly, toneOf, whyNot } from "../words.ts";

/** One file: how it came to be findable, its pages, its original, its end. */
export function FilePage({ id, at }: { readonly id: string; readonly at: number }) {
  const { api } = useApp();
  const loaded = useLoaded(id, (signal) =>
    api.json("GET", `v1/knowledge/files/${encodeURIComponent(id)}`, { signal }).then(fileOf),
  );
  const [says, setSays] = useState<string | null>(null);
  const [asksToDelete, setAsks] = useState(false);
  const file = loaded.value;
  const again = loaded.again;
  const isMoving = file !== null && !isSettled(file);
  useEffect(() => {
    if (!isMoving) return;
    const stop = new AbortController();
    void wait(1000, stop.signal).then(() => {
      if (!stop.signal.aborted) again();
    });
    return () => stop.abort();
  });
  const act = (work: Promise<unknown>, then: () => void = again) => {
    setSays(null);
    void work.then(then, (error: unknown) => setSays(messageOf(error)));
  };
  const remove = () => {
    setAsks(false);
    act(api.json("DELETE", `v1/knowledge/files/${id}`), () => go({ page: "files", filter: NO_FILTER }));
  };

  return (
    <main id="main">
      <p>
        <a href="#/files">All files</a>
      </p>
      <Heading focused={file !== null}>
        {file === null ? "File" : <Name>{file.title || file.filename || file.id}</Name>}
      </Heading>
      {loaded.error === null ? null : <Notice tone="bad">{loaded.error}</Notice>}
      {says === null ? null : <Notice tone="bad">{says}</Notice>}
      {file === null ? null : (
        <>
          <div class="row">
            <Badge tone={toneOf(file)}>{doing(file)}</Badge>
            <FileActions file={file} act={act} onDelete={() => setAsks(true)} />
          </div>
          {file.error === null ? null : <Notice tone="bad">{whyNot(file.error)}</Notice>}
          {file.warnings.map((warning) => (
            <Notice key={warning.code} tone="busy">
              {warning.message}
            </Notice>
          ))}
          <div class="halves">
            <section aria-labelledby="facts">
              <h2 id="facts">What it is</h2>
              <Facts file={file} />
              <h2>How it went</h2>
              <Timeline file={file} />
            </section>
            {file.status !== "indexed" ? null : (
              <section aria-labelledby="pages">
                <h2 id="pages">Its pages</h2>
                <PageView
                  place={{ fileId: file.id, filename: file.filename, page: Math.max(1, at), start: 0, end: 0 }}
                  onPage={(page) => go({ page: "file", id: file.id, at: page }, { replace: true })}
                />
              </section>
            )}
          </div>
        </>
      )}
      {asksToDelete && file !== null ? (
        <Confirm title="Delete this file?" yes="Delete it" onYes={remove} onNo={() => setAsks(false)}>
          <p>
            <Name>{file.filename}</Name> is found no more from this instant, and its bytes are gone within a minute.
            This cannot be undone.
          </p>
        </Confirm>
      ) : null}
    </main>
  );
}

function FileActions({
  file,
  act,
  onDelete,
}: {
  readonly file: WatchedFile;
  readonly act: (work: Promise<unknown>) => void;
  readonly onDelete: () => void;
}) {
  const { api } = useApp();
  if (file.status === "deleted") return null;
  const mayWrite = api.may("files:write");
  const post = (path: string) => act(api.json("POST", `v1/knowledge/${path}`, { body: {} }));
  return (
    <>
      <Button onClick={() => act(download(file))}>Download</Button>
      {mayWrite && !isSettled(file) ? (
        <Button onClick={() => post(`tasks/${file.task.id}/cancel`)}>Cancel</Button>
      ) : null}
      {mayWrite && file.status === "failed" ? (
        <Button onClick={() => post(`tasks/${file.task.id}/retry`)}>Retry</Button>
      ) : null}
      {mayWrite && file.status === "indexed" && isSettled(file) ? (
        <Button onClick={() => post(`files/${file.id}/reindex`)}>Read it again</Button>
      ) : null}
      {mayWrite ? (
        <Button kind="danger" onClick={onDelete}>
          Delete
        </Button>
      ) : null}
    </>
  );

  /** As a file and nothing else: whatever it is, the browser draws none of it as a page of this origin. */
  async function download({ id, filename }: WatchedFile): Promise<void> {
    const answer = await api.fetch("GET", `v1/knowledge/files/${id}/content`);
    const blob = new Blob([await answer.arrayBuffer()], { type: "application/octet-stream" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = filename;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}

function Facts({ file }: { readonly file: WatchedFile }) {
  const facts: readonly (readonly [name: string, value: string])[] = [
    ["File name", file.filename],
    ["Type", file.detectedType || file.contentType],
    ["Size", `${bytes(file.sizeBytes)} (${count(file.sizeBytes)} bytes)`],
    ["Pages", file.pages === null ? "" : count(file.pages)],
    ["Buckets", file.buckets.map(({ slug }) => slug).join(", ")],
    ["Tags", file.tags.join(", ")],
    ["SHA-256", file.sha256],
    ["Id", file.id],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Name>{value}</Name>
            </dd>
          </div>
        ))}
    </dl>
  );
}

const STEPS: readonly (readonly [stage: string, says: string])[] = [
  ["waiting", "Queued"],
  ["extracting", "Read"],
  ["chunking", "Cut into passages"],
  ["indexing", "Indexed"],
  ["activating", "Made findable"],
];

function Timeline({ file }: { readonly file: WatchedFile }) {
  const { task } = file;
  const isDone = file.status === "indexed" && isSettled(file);
  const at = isDone ? STEPS.length : STEPS.findIndex(([stage]) => stage === task.stage);
  // How it ended stands for the last one.
  const steps = isDone ? STEPS.slice(0, -1) : STEPS;
  const hasFailed = file.status === "failed";
  return (
    <ol class="timeline">
      <li class="done">
        Verified and kept <span class="hint">{exactly(file.createdAt)}</span>
      </li>
      {steps.map(([step, says], i) => (
        <li
          key={step}
          class={i < at ? "done" : i === at ? (hasFailed ? "failed" : "now") : ""}
          aria-current={i === at ? "step" : undefined}
        >
          {says}
          {i === at && task.attempt > 1 ? ` (attempt ${task.attempt} of ${task.maxAttempts})` : ""}
          {i === at && task.error !== null && task.error.message !== file.error?.message ? (
            <p class="why">{task.error.message}</p>
          ) : null}
        </li>
      ))}
      {isSettled(file) ? (
        <li class={hasFailed ? "failed" : "done"}>
          {doing(file)}{" "}
          <span class="hint">{exactly((file.status === "deleted" ? "" : task.finishedAt) || file.updatedAt)}</span>
        </li>
      ) : null}
    </ol>
  );
}
