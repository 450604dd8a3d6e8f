import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../api.ts";
import { useApp } from "../parts/app-context.ts";
import { Button, Field, Heading, Notice } from "../parts/basics.tsx";
import { useBuckets } from "../parts/bucket-select.tsx";
import { useStore } from "../store.ts";
import { chosenFiles, type Dropped, filesOf, MOST_DROPPED } from "../upload/dropped.ts";
import { count } from "../words.ts";
import { UploadList } from "./upload-list.tsx";

/** Drop files or folders, and watch them become findable. */
export function Drop() {
  const { api, uploads, watch } = useApp();
  const [bucket, setBucket] = useState("inbox");
  const [isOver, setOver] = useState(false);
  const [says, setSays] = useState<string | null>(null);
  const dropped = useStore(uploads.list);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  useEffect(() => watch.begin(), [watch]);
  useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);
  const { buckets, isAll } = useBuckets({ archived: true, typed: bucket });
  const slug = slugOf(bucket);
  const most = api.me.value?.maxFileBytes ?? 0;
  const isMade = dropped.some((upload) => upload.bucket === slug && upload.fileId !== "");
  const known = buckets.find((bucket) => bucket.slug === slug);
  const saysOf = () => {
    if (slug === null) return isId(bucket) ? "That is an id: type the bucket's slug" : SLUG_RULE;
    if (known?.isArchived === true) return `${slug} is archived`;
    if (isMade || known !== undefined) return `Into ${slug}`;
    return `${slug} is made when you drop${isAll ? "" : ", if it is not there"}`;
  };
  const take = (taken: readonly Dropped[], more: boolean) => {
    if (slug === null) return setSays(`Name a bucket by its slug first: ${SLUG_RULE}.`);
    if (known?.isArchived === true) return setSays(`${slug} is archived: name another bucket, or take it up again.`);
    if (taken.length === 0) return setSays("There was no file in that.");
    setSays(
      more ? `That is more than ${count(MOST_DROPPED)} files: the others are left out. Drop them after these.` : null,
    );
    uploads.add(taken, slug);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer !== null)
      void filesOf(event.dataTransfer).then(
        (found) => take(found.files, found.more),
        (error: unknown) => setSays(messageOf(error)),
      );
  };
  const onChosen = (input: HTMLInputElement) => {
    if (input.files !== null) take(chosenFiles(input.files), input.files.length > MOST_DROPPED);
    // The same choice again is a choice.
    input.value = "";
  };

  if (!api.may("files:write"))
    return (
      <main id="main">
        <Heading>Drop documents</Heading>
        <Notice tone="quiet">You may not upload: that needs the scope files:write.</Notice>
        <UploadList />
      </main>
    );
  return (
    <main id="main">
      <Heading>Drop documents</Heading>
      <section
        class={`drop ${isOver ? "over" : ""}`}
        aria-label="Upload"
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={({ currentTarget, relatedTarget }) => {
          // Over what stands in it, it is over it still.
          if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) setOver(false);
        }}
        onDrop={onDrop}
      >
        <div class="drop-what">
          <p class="drop-says">Drop files or folders here</p>
          <p class="hint">
            PDF, Word, Excel, PowerPoint, OpenDocument, EPUB, mail, web pages and text
            {most === 0 ? "" : `, up to ${Math.floor(most / 1_048_576)} MiB each`}
          </p>
          <div class="row">
            <Button kind="main" onClick={() => files.current?.click()}>
              Choose files
            </Button>
            <Button onClick={() => folder.current?.click()}>Choose a folder</Button>
          </div>
        </div>
        <input
          ref={files}
          type="file"
          multiple
          hidden
          data-choose="files"
          onChange={(event) => onChosen(event.currentTarget)}
        />
        <input
          ref={folder}
          type="file"
          multiple
          hidden
          data-choose="folder"
          onChange={(event) => onChosen(event.currentTarget)}
        />
        <Field label="Into the bucket" hint={saysOf()}>
          <input
            value={bucket}
            list="bucket-names"
            onInput={(event) => setBucket(event.currentTarget.value)}
            maxLength={80}
          />
        </Field>
        <datalist id="bucket-names">
          {buckets.map(({ id, slug, isArchived }) => (isArchived ? null : <option key={id} value={slug} />))}
        </datalist>
      </section>
      {says === null ? null : <Notice tone="bad">{says}</Notice>}
      <UploadList />
    </main>
  );
}

const SLUG_RULE = "a to z, digits and -, at most 63";

/** What is pasted from elsewhere: as a slug it would make a bucket that is called like another. */
function isId(text: string): boolean {
  return /^bucket_[0-9a-z]{26}$/.test(text.trim());
}

/** As the server makes one of a name (CRE-5); null: it makes none. */
function slugOf(text: string): string | null {
  if (isId(text)) return null;
  const slug = text.trim().toLowerCase().replaceAll(/[ _]/g, "-");
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(slug) ? slug : null;
}
