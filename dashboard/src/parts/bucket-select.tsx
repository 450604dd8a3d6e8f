import { objectsOf, textOf } from "../json.ts";
import { type Bucket, bucketOf } from "../wire.ts";
import { useApp } from "./app-context.ts";
import { useLoaded } from "./loading.ts";

interface KnownBuckets {
  readonly buckets: readonly Bucket[];
  /** False: there may be others. */
  readonly isAll: boolean;
}

/** The first 200 of the team by slug, which one page of the API has. */
export function useBuckets({ archived = false }: { readonly archived?: boolean } = {}): KnownBuckets {
  const { api } = useApp();
  const { value } = useLoaded(`buckets ${archived}`, async (signal) => {
    if (!api.may("files:read")) return null;
    const answer = await api.json("GET", `v1/knowledge/buckets?limit=200&include_archived=${archived}`, { signal });
    return { buckets: objectsOf(answer, "buckets").map(bucketOf), isAll: textOf(answer, "next_cursor") === "" };
  });
  return value ?? { buckets: [], isAll: false };
}

/** Chooses one, or all of them. What the address names is chosen although it is not among those that are known. */
export function BucketSelect({
  value,
  all,
  archived = false,
  onChange,
}: {
  readonly value: string;
  /** What choosing none is called. */
  readonly all: string;
  readonly archived?: boolean;
  readonly onChange: (bucket: string) => void;
}) {
  const slugs = useBuckets({ archived }).buckets.map(({ slug }) => slug);
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
