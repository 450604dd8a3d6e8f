import assert from "node:assert/strict";
import { put } from "../support/bytes.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

/**
 * An upload URL is a capability: only the one that was given out, letter by letter, opens the session that it names.
 * Changed letters and other sessions' parts stand in acceptance/bytes-garbage.test.ts; here are other spellings of
 * the same thing.
 */

const { api } = await openTarget();
const [mine, other] = [await api.create(10), await api.create(10)];
const { origin, pathname } = new URL(mine.url);
const signature = pathname.slice(pathname.lastIndexOf("/") + 1);
const othersSignature = other.url.slice(other.url.lastIndexOf("/") + 1);

/** The same bytes in base64url: of the last letter's six bits two are not used. */
const sameBytes = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].find(
  (letter) => letter !== signature.at(-1) && decoded(signature.slice(0, -1) + letter).equals(decoded(signature)),
);

const SIGNATURES: readonly (readonly [what: string, signature: string])[] = [
  ["one letter less at the end", signature.slice(0, -1)],
  ["one letter more", `${signature}A`],
  ["in the other base64", encodeURIComponent(`${signature.slice(1)}+`)],
  ["in lower case", signature.toLowerCase()],
  ["another spelling of the same bytes", `${signature.slice(0, -1)}${sameBytes}`],
  ["in hexadecimal", decoded(signature).toString("hex")],
  ["with a blank behind it", `${signature}%20`],
  ["with NUL behind it", `${signature}%00`],
  ["with an encoded first letter", `%${signature.charCodeAt(0).toString(16)}${signature.slice(1)}`],
  ["43 bytes of two-byte letters", `${encodeURIComponent("é".repeat(21))}a`],
  ["43 letters of two bytes", encodeURIComponent("é".repeat(43))],
];

const PATHS: readonly (readonly [what: string, path: string])[] = [
  ["a slash twice", pathname.replace("/v1/", "/v1//")],
  ["a dot behind the id", pathname.replace(mine.id, `${mine.id}.`)],
  ["a path parameter", `${pathname};x`],
  ["an encoded hash", `${pathname}%23`],
  ["an encoded slash", pathname.replace(`${mine.id}/`, `${mine.id}%2f`)],
];

proves(["PUT-13", "ALL-3"], "a URL that differs in anything is the same 404, and writes nothing", async () => {
  const forged = [...SIGNATURES.map(([what, value]) => [what, `/v1/uploads/${mine.id}/${value}`] as const), ...PATHS];
  const absent = await put(
    `${origin}/v1/uploads/sess_00000000000000000000000000/${"A".repeat(43)}`,
    null,
    "0123456789",
  );
  assert.equal(absent.status, 404);
  for (const [what, path] of forged)
    for (const method of ["PUT", "DELETE"]) {
      const answer = await put(`${origin}${path}`, null, "0123456789", {}, method);
      // A path with two slashes is no upload URL at all: the API's own guard refuses it.
      if (what === "a slash twice") assert.equal(answer.status, 401, what);
      else assert.deepEqual([answer.status, answer.text], [absent.status, absent.text], `${what}, ${method}`);
    }
  for (const session of [mine, other]) assert.equal(await api.receivedBytes(session.id), 0);
});

proves(["PUT-13", "ALL-3"], "a query does not make it another URL, and no key opens or closes it", async () => {
  const headers = { Authorization: "Bearer sk_of_somebody_else" };
  const answer = await put(`${mine.url}?x=1&signature=${othersSignature}`, null, "0123456789", headers);
  assert.equal(answer.status, 200);
  assert.equal(await api.receivedBytes(mine.id), 10);
  assert.equal(await api.receivedBytes(other.id), 0);
});

function decoded(text: string): Buffer {
  return Buffer.from(text, "base64url");
}
