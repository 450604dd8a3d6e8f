import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { at, listAt, numberAt, objectAt, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

const { api } = await openTarget();

proves(
  ["ALL-2", "CRE-4", "BUC-1"],
  "buckets are listed in the shape that clients know, with counts that follow the files",
  async () => {
    const slug = `shape-${randomUUID().slice(0, 8)}`;
    const kept = await api.indexed("one text", { bucket: slug });
    const gone = await api.indexed("another text", { bucket: slug });
    const failed = await api.upload(Buffer.from("no PDF"), {
      bucket: slug,
      content_type: "application/pdf",
      filename: "a.pdf",
    });
    await api.settled(failed);
    await api.deleteFile(gone);
    const answer = await api.get("/v1/knowledge/buckets");
    assert.equal(textAt(answer.json, "team_id"), textAt((await api.get("/v1/connection")).json, "team_id"));
    const bucket = listAt(answer.json, "buckets").find((each) => at(each, "slug") === slug);
    assert.match(textAt(bucket, "id"), /^bucket_/);
    assert.equal(textAt(bucket, "teamId"), textAt(answer.json, "team_id"));
    assert.equal(textAt(bucket, "status"), "active");
    for (const list of ["knowledgeIds", "fileIds", "fileKnowledgeIds"])
      assert.deepEqual([...listAt(bucket, list)].sort(), [kept, failed].sort(), list);
    const numbers = {
      filesCount: 2,
      memberCount: 2,
      rawMemberCount: 2,
      fileCount: 2,
      retrievableFileCount: 1,
      staleMemberCount: 0,
      activeNonFileMemberCount: 0,
    };
    const exact = ["fileCount", "retrievableFileCount", "activeNonFileMemberCount"];
    for (const [name, expected] of Object.entries(numbers)) {
      const number = numberAt(bucket, name);
      if (exact.includes(name)) assert.equal(number, expected, name);
    }
    assert.equal(numberAt(bucket, "counts", "file"), 2);
    assert.equal(numberAt(bucket, "counts", "retrievable_files"), 1);
    numberAt(bucket, "counts", "raw_members");
    objectAt(bucket, "bucketStore");
    assert.equal(textAt(bucket, "bucketStore", "status"), "active");
    assert.equal(numberAt(bucket, "bucketStore", "file_count"), 2);
    assert.equal(numberAt(bucket, "bucketStore", "indexed_file_count"), 1);
    for (const member of [
      "alias",
      "pending_file_count",
      "member_count",
      "indexed_member_count",
      "pending_member_count",
      "last_synced_at",
      "last_error",
    ])
      assert.notEqual(at(bucket, "bucketStore", member), undefined, member);
    for (const member of ["name", "description", "fileIdsTruncated"])
      assert.notEqual(at(bucket, member), undefined, member);
  },
);

proves(["ALL-9"], "include_archived takes true and false, and limit and cursor page through the list", async () => {
  for (const query of ["include_archived=true", "include_archived=false", ""]) {
    assert.equal((await api.get(`/v1/knowledge/buckets?${query}`)).status, 200, query);
  }
  const all = listAt((await api.get("/v1/knowledge/buckets")).json, "buckets").map((bucket) => textAt(bucket, "id"));
  await api.create(1, { bucket: undefined, bucket_slugs: ["page-a", "page-b", "page-c"] });
  const seen: string[] = [];
  for (let cursor: unknown = ""; cursor !== null && cursor !== undefined; ) {
    const more = cursor === "" ? "" : `&cursor=${encodeURIComponent(String(cursor))}`;
    const { json } = await api.get(`/v1/knowledge/buckets?limit=2${more}`);
    seen.push(...listAt(json, "buckets").map((bucket) => textAt(bucket, "id")));
    cursor = at(json, "next_cursor");
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.equal(seen.length, all.length + 3);
});

proves(
  ["BUC-1"],
  "slug_prefix lists the buckets whose slug begins so, page by page, spelled as a slug may be",
  async () => {
    await api.create(1, { bucket: undefined, bucket_slugs: ["pre", "pre-1", "pre-z9", "prf", "pr", "x-pre"] });
    const slugs = async (query: string) => {
      const { json } = await api.get(`/v1/knowledge/buckets?${query}`);
      return { listed: listAt(json, "buckets").map((bucket) => textAt(bucket, "slug")), next: at(json, "next_cursor") };
    };
    assert.deepEqual((await slugs("slug_prefix=pre")).listed, ["pre", "pre-1", "pre-z9"]);
    assert.deepEqual((await slugs("slug_prefix=PRE_")).listed, ["pre-1", "pre-z9"]);
    assert.deepEqual((await slugs("slug_prefix=p%25")).listed, []);
    const first = await slugs("slug_prefix=pre&limit=2");
    assert.deepEqual(first.listed, ["pre", "pre-1"]);
    const second = await slugs(`slug_prefix=pre&limit=2&cursor=${String(first.next)}`);
    assert.deepEqual([second.listed, second.next], [["pre-z9"], null]);
  },
);
