import { useState } from "preact/hooks";
import { messageOf } from "../api.ts";
import { objectsOf, textOf } from "../json.ts";
import { useApp } from "../parts/app-context.ts";
import { Badge, Button, Field, Heading, Name, Notice, Scrolling } from "../parts/basics.tsx";
import { useLoaded } from "../parts/loading.ts";
import { hashOf, NO_FILTER } from "../route.ts";
import { type Bucket, bucketOf } from "../wire.ts";
import { count, counted } from "../words.ts";

/** What files are sorted into. */
export function Buckets() {
  const { api } = useApp();
  const [slug, setSlug] = useState("");
  const [name, setName] = useState("");
  const [says, setSays] = useState<string | null>(null);
  const [cursors, setCursors] = useState<readonly string[]>([""]);
  const cursor = cursors.at(-1) ?? "";
  const buckets = useLoaded(`buckets ${cursor}`, async (signal) => {
    const more = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await api.json("GET", `v1/knowledge/buckets?include_archived=true&limit=100${more}`, { signal });
    return { buckets: objectsOf(answer, "buckets").map(bucketOf), next: textOf(answer, "next_cursor") };
  });
  const act = (work: Promise<unknown>, then: () => void = () => {}) => {
    setSays(null);
    void work.then(
      () => {
        then();
        buckets.again();
      },
      (error: unknown) => setSays(messageOf(error)),
    );
  };
  const make = (event: Event) => {
    event.preventDefault();
    const body = { slug: slug.trim(), ...(name.trim() === "" ? {} : { name: name.trim() }) };
    act(api.json("POST", "v1/knowledge/buckets", { body }), () => {
      setSlug("");
      setName("");
    });
  };
  const { value, error } = buckets;
  return (
    <main id="main">
      <Heading>Buckets</Heading>
      {api.may("files:write") ? (
        <form class="filters" aria-label="Make a bucket" onSubmit={make}>
          <Field label="Slug" hint="a to z, digits and -">
            <input value={slug} onInput={(event) => setSlug(event.currentTarget.value)} maxLength={80} required />
          </Field>
          <Field label="Name" hint="for people; may be empty">
            <input value={name} onInput={(event) => setName(event.currentTarget.value)} maxLength={255} />
          </Field>
          <Button submit kind="main" disabled={slug.trim() === ""}>
            Make a bucket
          </Button>
        </form>
      ) : null}
      {says === null ? null : <Notice tone="bad">{says}</Notice>}
      {error === null ? null : <Notice tone="bad">{error}</Notice>}
      {value === null ? null : value.buckets.length === 0 ? (
        <p>There is no bucket yet. The first upload makes one.</p>
      ) : (
        <BucketTable buckets={value.buckets} act={act} />
      )}
      {cursors.length <= 1 && (value?.next ?? "") === "" ? null : (
        <nav class="row" aria-label="Pages">
          <Button disabled={cursors.length <= 1} onClick={() => setCursors(cursors.slice(0, -1))}>
            Previous
          </Button>
          <Button disabled={(value?.next ?? "") === ""} onClick={() => setCursors([...cursors, value?.next ?? ""])}>
            Next
          </Button>
        </nav>
      )}
    </main>
  );
}

function BucketTable({
  buckets,
  act,
}: {
  readonly buckets: readonly Bucket[];
  readonly act: (work: Promise<unknown>) => void;
}) {
  const { api } = useApp();
  const patch = ({ id, isArchived }: Bucket) =>
    act(api.json("PATCH", `v1/knowledge/buckets/${id}`, { body: { status: isArchived ? "active" : "archived" } }));
  return (
    <Scrolling kind="table" label="Buckets">
      <table>
        <thead>
          <tr>
            <th scope="col">Bucket</th>
            <th scope="col" class="roomy">
              State
            </th>
            <th scope="col" class="roomy number">
              Files
            </th>
            <th scope="col" class="roomy number">
              Findable
            </th>
            <th scope="col" class="roomy number">
              On their way
            </th>
            <th scope="col">
              <span class="unseen">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {buckets.map((bucket) => (
            <tr key={bucket.id}>
              <th scope="row">
                <a href={hashOf({ page: "files", filter: { ...NO_FILTER, bucket: bucket.slug } })}>{bucket.slug}</a>
                {bucket.name === bucket.slug ? null : (
                  <div class="hint">
                    <Name>{bucket.name}</Name>
                  </div>
                )}
                <div class="hint cramped">
                  {bucket.isArchived ? "Archived; " : ""}
                  {counted(bucket.files, "file", "files")}, {count(bucket.findable)} findable
                  {bucket.pending === 0 ? "" : `, ${count(bucket.pending)} on their way`}
                </div>
              </th>
              <td class="roomy">
                <Badge tone={bucket.isArchived ? "quiet" : "good"}>{bucket.isArchived ? "Archived" : "Active"}</Badge>
              </td>
              <td class="roomy number">{count(bucket.files)}</td>
              <td class="roomy number">{count(bucket.findable)}</td>
              <td class="roomy number">{count(bucket.pending)}</td>
              <td class="act">
                {api.may("files:write") ? (
                  <Button
                    label={`${bucket.isArchived ? "Take up again" : "Archive"}: ${bucket.slug}`}
                    onClick={() => patch(bucket)}
                  >
                    {bucket.isArchived ? "Take up again" : "Archive"}
                  </Button>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}
