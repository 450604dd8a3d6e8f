import { useEffect, useState } from "preact/hooks";
import { wait } from "../api.ts";
import { objectsOf, textOf } from "../json.ts";
import { type Bucket, bucketOf } from "../wire.ts";
import { useApp } from "./app-context.ts";
import { useLoaded } from "./loading.ts";

interface KnownBuckets {
  readonly buckets: readonly Bucket[];
  /** False: there may be others that begin so. */
  readonly isAll: boolean;
  /** Whether all that the team has are known, whatever is typed. */
  readonly areFew: boolean;
}

/** As long as a person types on, nothing is asked. */
const TYPED_MS = 200;

/**
 * The team's buckets by slug: all of them where one page of the API holds them (200), else those that begin with what
 * is `typed`.
 */
export function useBuckets({
  archived = false,
  typed = "",
}: {
  readonly archived?: boolean;
  readonly typed?: string;
} = {}): KnownBuckets {
  const first = useListing(archived, "");
  const prefix = useSettled(first?.isAll === false ? typed.trim() : "");
  const found = useListing(archived, prefix);
  const { buckets, isAll } = (prefix === "" ? first : found) ?? { buckets: [], isAll: false };
  return { buckets, isAll, areFew: first?.isAll ?? true };
}

function useListing(archived: boolean, prefix: string) {
  const { api } = useApp();
  const { value } = useLoaded(`buckets ${archived} ${prefix}`, async (signal) => {
    if (!api.may("files:read")) return null;
    const query = `limit=200&include_archived=${archived}&slug_prefix=${encodeURIComponent(prefix)}`;
    const answer = await api.json("GET", `v1/knowledge/buckets?${query}`, { signal });
    return { buckets: objectsOf(answer, "buckets").map(bucketOf), isAll: textOf(answer, "next_cursor") === "" };
  });
  return value;
}

/** The text, once it has stayed as it is for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const stop = new AbortController();
    void wait(TYPED_MS, stop.signal).then(() => {
      if (!stop.signal.aborted) setSettled(text);
    });
    return () => stop.abort();
  }, [text]);
  return settled;
}

interface BucketSelectProps {
  readonly value: string;
  /** What choosing none is called. */
  readonly all: string;
  readonly archived?: boolean;
  readonly onChange: (bucket: string) => void;
}

/** Chooses one, or all of them. What the address names is chosen although it is not among those that are known. */
export function BucketSelect(props: BucketSelectProps) {
  const { value, all, archived = false, onChange } = props;
  const { buckets, areFew } = useBuckets({ archived });
  if (!areFew) return <BucketSearch {...props} />;
  const slugs = buckets.map(({ slug }) => slug);
  const options = value === "" || slugs.includes(value) ? slugs : [value, ...slugs];
  return (
    <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">{all}</option>
      {options.map((slug) => (
        <option key={slug} value={slug}>
          {slug}
        </option>
      ))}
    </select>
  );
}

/** Of more buckets than one looks through: found by the beginning of the slug. It counts when it is chosen or left. */
function BucketSearch({ value, all, archived = false, onChange }: BucketSelectProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const { buckets } = useBuckets({ archived, typed: text });
  const slugs = buckets.map(({ slug }) => slug);
  const onInput = (event: InputEvent & { readonly currentTarget: HTMLInputElement }) => {
    const typed = event.currentTarget.value;
    setText(typed);
    // One of the list was taken, with the mouse or the keyboard.
    if (event.inputType === "insertReplacementText" && slugs.includes(typed)) onChange(typed);
  };
  return (
    <>
      <input
        value={text}
        list="bucket-choices"
        placeholder={all}
        maxLength={80}
        onInput={onInput}
        onChange={() => onChange(text.trim())}
      />
      <datalist id="bucket-choices">
        {slugs.map((slug) => (
          <option key={slug} value={slug} />
        ))}
      </datalist>
    </>
  );
}
