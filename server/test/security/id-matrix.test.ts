import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Api } from "../support/api.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, objectAt, shown, textAt, without } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";
import { mintTeamKeys } from "../support/team-keys.ts";
import { type IdField, idFieldsOf } from "./id-fields.ts";
import { type Answered, ID_ROWS, type IdRow, type NamedKind } from "./id-rows.ts";
import { makeDeleted, makeNamed } from "./id-world.ts";

/**
 * Every place of every operation where a client names something (path, query, body), by what may be named there:
 * another team's, a deleted one, one that never was, what is no id; and by who asks. The places come from
 * `/openapi.json`, what each answers from id-rows.ts.
 */
if (NEEDS_OWN_SERVER === false) {
  const server = await ownServer();
  const api = new Api(server.url, server.key);
  const everyScope = "files:write,files:read,search,admin";
  const foreignTeam = new Api(server.url, await server.mintKey(`foreign-${randomUUID().slice(0, 8)}`, everyScope));
  const document = objectAt((await api.get("/openapi.json")).json);
  const fields = idFieldsOf(document);
  const rows = fields.flatMap((field) => {
    const row = ID_ROWS[field.name];
    return row === undefined || typeof row === "string" ? [] : [{ field, row }];
  });
  const [own, deleted, foreign] = [await makeNamed(api), await makeDeleted(api), await makeNamed(foreignTeam)];

  const ask = (as: Api, field: IdField, row: IdRow, id: string): Promise<HttpAnswer> => {
    const { query, body, form } = row.ask?.(id, own) ?? {};
    const path = field.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
      encodeURIComponent(field.place === "path" ? id : ownOf(name)),
    );
    if (form !== undefined) return as.call(field.method, path, formOf(form));
    const sent = body ?? (["POST", "PATCH"].includes(field.method) ? {} : undefined);
    return as.call(field.method, query === undefined ? path : `${path}?${query}`, { body: sent });
  };
  const ownOf = (parameter: string) => own[KIND_OF[parameter] ?? assert.fail(`nobody knows an own ${parameter}`)];

  proves(
    ["ALL-6"],
    "every place where a request names something has its row, and no row is of a place that is gone",
    () => {
      const names = fields.map(({ name }) => name).sort();
      assert.ok(names.length >= 50, "openapi.json names too few places");
      assert.deepEqual(names, Object.keys(ID_ROWS).sort());
    },
  );

  for (const { field, row } of rows)
    proves(
      ["ALL-6"],
      `${field.name}: another team's, a deleted and a malformed one are as one that never was`,
      async () => {
        const nobodys = absentOf(row.kind);
        const absent = await ask(api, field, row, nobodys);
        assertAnswers(absent, row.absent, nobodys);
        if (row.own !== undefined) {
          const answer = await ask(api, field, row, own[row.kind]);
          assertAnswers(answer, row.own, "an own one");
          if (row.own !== row.absent || row.own[0] < 300)
            assert.notDeepEqual(
              comparable(answer, own[row.kind]),
              comparable(absent, nobodys),
              "an own one is not found",
            );
        }
        const alike = [foreign[row.kind], ...(row.deleted === undefined ? [deleted[row.kind]] : [])];
        for (const id of alike)
          assert.deepEqual(comparable(await ask(api, field, row, id), id), comparable(absent, nobodys), `of ${id}`);
        for (const id of malformedOf(row.kind)) {
          const answers = [await ask(api, field, row, id), absent] as const;
          const [malformed, expected] = [comparable(answers[0], id), comparable(answers[1], nobodys)];
          if (row.saysForm === true) assert.deepEqual(wordless(malformed), wordless(expected), `of ${id}`);
          else assert.deepEqual(malformed, expected, `of ${id}`);
        }
        if (row.deleted !== undefined && row.deleted !== null)
          assertAnswers(await ask(api, field, row, deleted[row.kind]), row.deleted, "a deleted one");
      },
    );

  proves(["ALL-2", "ALL-10"], "a revoked key is as unknown as one that never was, whatever it names", async () => {
    const key = await server.mintKey("default", everyScope);
    const revoked = new Api(server.url, key);
    await server.revokeKey(textAt((await revoked.get("/v1/connection")).json, "key", "id"));
    const unknown = new Api(server.url, `sk_${"0".repeat(49)}`);
    for (const { field, row } of rows) {
      const expected = comparable(await ask(unknown, field, row, own[row.kind]), "");
      for (const id of [own[row.kind], foreign[row.kind], absentOf(row.kind)]) {
        const answer = await ask(revoked, field, row, id);
        assertAnswers(answer, [401, "invalid_api_key"], field.name);
        assert.deepEqual(comparable(answer, ""), expected, field.name);
      }
    }
  });

  proves(["ALL-10"], "a key without the scope is told the scope, and nothing of what it names", async () => {
    const keys = await mintTeamKeys(server);
    const scoped = { "files:write": keys.write, "files:read": keys.read, search: keys.search, admin: keys.admin };
    for (const { field, row } of rows) {
      const needed = neededBy(field);
      for (const [scope, key] of Object.entries(scoped)) {
        if (scope === needed) continue;
        const one = new Api(server.url, key);
        const ids = [own[row.kind], foreign[row.kind], deleted[row.kind], absentOf(row.kind), "x"];
        for (const id of ids) {
          const answer = await ask(one, field, row, id);
          assertAnswers(answer, [403, "forbidden_scope"], `${field.name} with ${scope}`);
          assert.deepEqual(at(answer.json, "error", "details"), { required: needed });
        }
      }
    }
  });

  proves(["ALL-6"], "what the other team has is untouched by all of this", async () => {
    const { json } = await foreignTeam.file(foreign.file);
    assert.equal(textAt(json, "status"), "indexed");
    assert.equal(textAt((await foreignTeam.session(foreign.sess)).json, "status"), "open");
    for (const path of [`buckets/${foreign.bucket}`, `batches/${foreign.batch}`])
      assert.equal((await foreignTeam.get(`/v1/knowledge/${path}`)).status, 200, path);
    assert.equal((await foreignTeam.get(`/v1/responses/${foreign.resp}`)).status, 200);
    assert.equal((await foreignTeam.get(`/v1/rag-agent/profiles/${foreign.profile}`)).status, 200);
  });

  const neededBy = ({ operationId, path, method }: IdField): string => {
    const description = textAt(document, "paths", path, method.toLowerCase(), "description");
    const scope = /Needs a key with the scope (\S+)\./.exec(description)?.[1];
    return scope ?? assert.fail(`${operationId} does not say which scope it needs`);
  };

  /** Of the kind's form, and nobody's. */
  const absentOf = (kind: NamedKind): string => {
    if (kind === "profile") return "p-00000000-0000-4000-8000-000000000000";
    if (kind === "conversation") return `conversation-${randomUUID()}`;
    return kind.endsWith("cursor") ? "AAAA" : `${kind}_00000000000000000000000000`;
  };

  const malformedOf = (kind: NamedKind): readonly string[] => {
    // Any text is the name of a conversation.
    if (kind === "conversation") return [];
    const others = Object.entries(own).filter(([other]) => other !== kind);
    return [
      ...others.map(([, id]) => id).filter((id) => id !== own[kind]),
      own[kind].slice(0, -1),
      `${own[kind]}x`,
      `${absentOf(kind)}0`,
      "x",
      "..",
      "é y",
      "9".repeat(300),
      ...(kind.endsWith("cursor") || kind === "profile" ? [] : [own[kind].toUpperCase(), `${kind}_`]),
    ];
  };
}

const KIND_OF: Readonly<Record<string, NamedKind>> = {
  file_id: "file",
  bucket_id: "bucket",
  profile_id: "profile",
};

function assertAnswers(answer: HttpAnswer, [status, code]: Answered, what: string): void {
  assert.equal(answer.status, status, `${what}: ${shown(answer.json)}`);
  if (code !== undefined) assert.equal(at(answer.json, "error", "code"), code, what);
}

/** What may tell two answers apart, but for the id that was asked for and what every answer has anew. */
function comparable({ status, headers, json }: HttpAnswer, id: string): unknown {
  const kept = without(headers, "date", "x-request-id", "etag", "content-length", "ratelimit");
  return { status, headers: kept, json: withoutNews(json, id) };
}

/** A form with a file and these fields; of a list, one field an item. */
function formOf(fields: object) {
  const part = (name: string, more: string, value: string) =>
    `--form\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const named = Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map((one) => part(name, "", String(one))),
  );
  const rawBody = `${named.join("")}${part("file", '; filename="x.txt"', "words")}--form--\r\n`;
  return { rawBody, headers: { "Content-Type": "multipart/form-data; boundary=form" } };
}

/** Without the sentences of errors. */
function wordless(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, member) => (name === "message" ? undefined : member)));
}

function withoutNews(value: unknown, id: string, echoes = false): unknown {
  if (Array.isArray(value)) return value.map((each) => withoutNews(each, id, echoes));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        ALWAYS_NEW.has(name) ? name : withoutNews(member, id, echoes || ECHOES.has(name)),
      ]),
    );
  if (typeof value !== "string") return value;
  if (echoes && value === id) return "<id>";
  return value.replace(/^([a-z]+)_[0-9a-z]{26}$/, "<$1>").replace(/^\d{4}-\d\d-\d\dT.*Z$/, "<time>");
}

/** A score changes with the team's own texts, and files of earlier rows become indexed meanwhile. */
const ALWAYS_NEW: ReadonlySet<string> = new Set(["created_at", "score", "upload_url"]);
/** Members that repeat what was asked for. */
const ECHOES: ReadonlySet<string> = new Set(["unresolved", "conversation"]);
