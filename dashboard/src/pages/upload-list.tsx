import { useState } from "preact/hooks";
import { messageOf } from "../api.ts";
import { useApp } from "../parts/app-context.ts";
import { Badge, Bar, Button, Name, Notice } from "../parts/basics.tsx";
import { useStore } from "../store.ts";
import type { Upload } from "../upload/uploads.ts";
import { isSettled, type OpenSession, type WatchedFile } from "../wire.ts";
import { bytes, count, counted, doing, type Tone, toneOf, whyNot } from "../words.ts";

/** A page of the list is drawn, however many there are. */
const SHOWN = 100;

/** What was dropped here, then what else the team's server has: half-way uploads, and the newest files. */
export function UploadList() {
  const { api, uploads, watch } = useApp();
  const dropped = useStore(uploads.list);
  const { files, newest, sessions } = useStore(watch.activity);
  const [onlyFailed, setOnlyFailed] = useState(false);
  const [first, setFirst] = useState(0);
  const [says, setSays] = useState<string | null>(null);

  const maySee = api.may("files:read");
  const rows = dropped.map((upload) => ofUpload(upload, files.get(upload.fileId) ?? null, maySee));
  const shown = onlyFailed ? rows.filter(({ tone }) => tone === "bad") : rows;
  const page = shown.slice(first, first + SHOWN);
  const ours = new Set(dropped.flatMap(({ sessionId, fileId }) => [sessionId, fileId]));
  const halfWay = sessions.filter(({ id }) => !ours.has(id));
  const others = newest.flatMap((id) => (ours.has(id) ? [] : (files.get(id) ?? [])));
  const failed = rows.filter(({ tone }) => tone === "bad").length;
  const done = rows.filter(({ tone }) => tone === "good").length;
  const act = (work: Promise<unknown>) => {
    setSays(null);
    void work.then(
      () => watch.soon(),
      (error: unknown) => setSays(messageOf(error)),
    );
  };
  return (
    <>
      {says === null ? null : <Notice tone="bad">{says}</Notice>}
      {rows.length === 0 ? null : (
        <section aria-labelledby="now">
          <div class="row between head">
            <div>
              <h2 id="now">Now</h2>
              <p role="status" class="sum">
                {count(done)} of {counted(rows.length, "file is", "files are")} {maySee ? "findable" : "uploaded"}
                {failed === 0 ? "" : `, ${count(failed)} failed`}
              </p>
            </div>
            <div class="row">
              {failed === 0 && !onlyFailed ? null : (
                <Button kind="quiet" onClick={() => setOnlyFailed(!onlyFailed)}>
                  {onlyFailed ? "Show all" : "Show failed ones"}
                </Button>
              )}
              {done === 0 ? null : (
                <Button
                  kind="quiet"
                  onClick={() =>
                    uploads.clear(({ fileId }) => (maySee ? files.get(fileId)?.status === "indexed" : fileId !== ""))
                  }
                >
                  Clear what is done
                </Button>
              )}
            </div>
          </div>
          <ul class="uploads" data-list="now">
            {page.map((row) => (
              <UploadRow key={row.key} row={row} act={act} />
            ))}
          </ul>
          {shown.length <= SHOWN ? null : (
            <nav class="row" aria-label="Pages of uploads">
              <Button disabled={first === 0} onClick={() => setFirst(Math.max(0, first - SHOWN))}>
                Previous
              </Button>
              <span>
                {count(first + 1)} to {count(Math.min(first + SHOWN, shown.length))} of {count(shown.length)}
              </span>
              <Button disabled={first + SHOWN >= shown.length} onClick={() => setFirst(first + SHOWN)}>
                Next
              </Button>
            </nav>
          )}
        </section>
      )}
      {halfWay.length === 0 ? null : (
        <section aria-labelledby="half-way">
          <h2 id="half-way">Half-way</h2>
          <p class="hint">Drop the same file again, and it goes on from where it is.</p>
          <ul class="uploads" data-list="half-way">
            {halfWay.map((session) => (
              <UploadRow key={session.id} row={ofSession(session)} act={act} />
            ))}
          </ul>
        </section>
      )}
      {others.length === 0 ? null : (
        <section aria-labelledby="newest">
          <h2 id="newest">Newest on the server</h2>
          <ul class="uploads" data-list="newest">
            {others.map((file) => (
              <UploadRow key={file.id} row={ofFile(file)} act={act} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

interface Row {
  readonly key: string | number;
  readonly name: string;
  readonly sizeBytes: number;
  readonly tone: Tone;
  readonly says: string;
  /** Why it failed, and what to do. */
  readonly why: string;
  /** Null: nothing moves. */
  readonly share: number | null;
  readonly upload: Upload | null;
  readonly file: WatchedFile | null;
  readonly sessionId: string;
}

function ofUpload(upload: Upload, file: WatchedFile | null, maySee: boolean): Row {
  if (file !== null && maySee) return { ...ofFile(file), key: upload.id, name: upload.path, upload };
  const { id, path, sizeBytes, sentBytes, sessionId } = upload;
  const row = { key: id, name: path, sizeBytes, upload, file: null, sessionId, share: null };
  switch (upload.state) {
    case "waiting":
      return { ...row, tone: "busy", says: "Waiting to be sent", why: upload.says };
    case "reading":
      return {
        ...{ ...row, tone: "busy", why: upload.says },
        says: upload.says === "" ? "Being read from your disk" : "Waiting for its turn",
      };
    case "sending":
      return {
        ...row,
        tone: "busy",
        says: `Sending: ${bytes(sentBytes)} of ${bytes(sizeBytes)}`,
        why: upload.says,
        share: sizeBytes === 0 ? 0 : sentBytes / sizeBytes,
      };
    case "watching":
      if (!maySee) return { ...row, tone: "good", says: "Uploaded", why: UNSEEN };
      return { ...row, tone: "busy", says: "Being verified", why: upload.says, share: 1 };
    case "checking":
      return { ...row, tone: "busy", says: "Being verified", why: upload.says, share: 1 };
    case "failed":
      return { ...row, tone: "bad", says: "Not uploaded", why: upload.says };
    case "cancelled":
      return { ...row, tone: "quiet", says: "Cancelled", why: "" };
  }
}

/** Nobody asks for it, and so nobody is told. */
const UNSEEN = "It is kept and will be read. When it is findable you may not see: that needs the scope files:read.";

function ofFile(file: WatchedFile): Row {
  const { progress } = file.task;
  const share =
    isSettled(file) || progress?.total == null || progress.total === 0 ? null : progress.done / progress.total;
  const why = whyNot(file.error ?? file.task.error ?? file.warnings[0] ?? null);
  return {
    ...{ key: file.id, name: file.filename, sizeBytes: file.sizeBytes, tone: toneOf(file), says: doing(file) },
    ...{ why, share, upload: null, file, sessionId: file.sessionId },
  };
}

function ofSession({ id, filename, sizeBytes, receivedBytes }: OpenSession): Row {
  return {
    ...{ key: id, name: filename || id, sizeBytes, tone: "quiet", why: "", upload: null, file: null, sessionId: id },
    says: `${bytes(receivedBytes)} of ${bytes(sizeBytes)} are on the server`,
    share: sizeBytes === 0 ? 0 : receivedBytes / sizeBytes,
  };
}

function UploadRow({ row, act }: { readonly row: Row; readonly act: (work: Promise<unknown>) => void }) {
  const { name, sizeBytes, tone, says, why, share, file } = row;
  return (
    <li class="upload" data-tone={tone}>
      <div class="upload-name">
        {file === null ? (
          <Name>{name}</Name>
        ) : (
          <a href={`#/file/${file.id}`}>
            <Name>{name}</Name>
          </a>
        )}{" "}
        <span class="hint">{bytes(sizeBytes)}</span>
      </div>
      <div class="upload-state">
        <div class="upload-step">
          <Badge tone={tone}>{says}</Badge>
          {share === null ? null : <Bar value={share} label={`${name}: ${says}`} />}
        </div>
        {why === "" ? null : <p class={tone === "bad" ? "why" : "hint"}>{why}</p>}
      </div>
      <div class="row end">
        <RowActions row={row} act={act} />
      </div>
    </li>
  );
}

function RowActions({ row, act }: { readonly row: Row; readonly act: (work: Promise<unknown>) => void }) {
  const { api, uploads } = useApp();
  const { upload, file, name, sessionId } = row;
  if (!api.may("files:write")) return null;
  if (file !== null) {
    if (file.status === "failed")
      return (
        <Button
          label={`Retry ${name}`}
          onClick={() => act(api.json("POST", `v1/knowledge/tasks/${file.task.id}/retry`, { body: {} }))}
        >
          Retry
        </Button>
      );
    if (isSettled(file)) return null;
    return (
      <Button
        label={`Cancel ${name}`}
        onClick={() => act(api.json("POST", `v1/knowledge/tasks/${file.task.id}/cancel`, { body: {} }))}
      >
        Cancel
      </Button>
    );
  }
  if (upload === null)
    return (
      <Button
        label={`Give ${name} up`}
        onClick={() => act(api.json("DELETE", `v1/knowledge/files/upload-session/${sessionId}`))}
      >
        Give up
      </Button>
    );
  if (upload.state === "watching") return null;
  if (upload.state === "failed" || upload.state === "cancelled")
    return (
      <Button label={`Retry ${name}`} onClick={() => uploads.retry(upload.id)}>
        Retry
      </Button>
    );
  return (
    <Button label={`Cancel ${name}`} onClick={() => uploads.cancel(upload.id)}>
      Cancel
    </Button>
  );
}
