import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { openCatalogue } from "../engines/catalogue.ts";
import { WharfError } from "../errors.ts";
import { openTestApp, type TestApp } from "../http/test-app.ts";
import { brandId } from "../ids.ts";
import { makeApiKey, SCOPES } from "./api-key.ts";
import { authenticate } from "./authenticate.ts";
import { FirstKeyFile } from "./first-key-file.ts";
import { createApiKey, createFirstApiKey, isFirstStart, listApiKeys, revokeApiKey } from "./keys.ts";
import { createFirstKey } from "./store.ts";

let t: TestApp;
before(async () => {
  t = await openTestApp();
});
after(() => t.close());
const deps = () => ({ catalogue: t.catalogue, ids: t.ids, random: randomBytes });
const connect = (key: string) => t.get("/v1/connection", { authorization: `Bearer ${key}` });

describe("keys (ALL-2, ALL-10)", () => {
  test("are sk_ and 49 base62 characters, never twice the same", () => {
    const keys = new Set(Array.from({ length: 2000 }, () => makeApiKey(randomBytes(96))));
    assert.equal(keys.size, 2000);
    for (const key of keys) assert.match(key, /^sk_[0-9A-Za-z]{49}$/);
  });

  test("name the team that they were made for, and make it when there is none", async () => {
    const one = await createApiKey(deps(), { team: "acme", name: "nightly" });
    const two = await createApiKey(deps(), { team: "acme", name: "web", scopes: ["search"] });
    assert.equal(one.teamId, two.teamId);
    assert.deepEqual(one.scopes, ["files:write", "files:read", "search"]);
    const answer = (await connect(two.key)).json();
    assert.deepEqual(answer.key, { id: two.keyId, name: "web", scopes: ["search"] });
    assert.equal(answer.team_id, two.teamId);
  });

  test("are listed without the keys, and a revoked one is refused at its next request", async () => {
    const { key, keyId } = await createApiKey(deps(), { team: "rotating", name: "old" });
    const fresh = await createApiKey(deps(), { team: "rotating", name: "new" });
    assert.equal((await connect(key)).statusCode, 200);
    const first = await revokeApiKey(t.catalogue, keyId);
    assert.deepEqual(await revokeApiKey(t.catalogue, keyId), first, "again is harmless");
    const refused = await connect(key);
    assert.equal(refused.statusCode, 401);
    assert.equal((await connect(fresh.key)).statusCode, 200);

    const listed = await listApiKeys(t.catalogue, "rotating");
    assert.deepEqual(
      listed.map(({ name, last4, revokedAt }) => [name, last4, revokedAt !== null]),
      [
        ["old", key.slice(-4), true],
        ["new", fresh.key.slice(-4), false],
      ],
    );
    assert.ok(!JSON.stringify(listed).includes(key.slice(3, 40)));
    await assert.rejects(
      revokeApiKey(t.catalogue, brandId("key", "key_none")),
      (error) => error instanceof WharfError && error.code === "not_found",
    );
  });

  test("a first key that cannot be written into its file is not made, and one that another was faster with leaves no file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-keys-"));
    const fatal = (error: Error) => assert.fail(error);
    const catalogue = await openCatalogue({ path: join(folder, "catalogue.db"), fatal });
    try {
      await writeFile(join(folder, "taken"), "");
      for (const path of [join(folder, "taken"), join(folder, "taken", "key"), join(folder, "absent", "key")]) {
        const made = createFirstApiKey({ ...deps(), catalogue }, new FirstKeyFile(path));
        await assert.rejects(made, { name: "ConfigError", message: /WHARF_FIRST_KEY_FILE/ });
        assert.equal(await isFirstStart(catalogue), true);
      }
      // `wharf keys create` comes between the look and the key.
      const late = new FirstKeyFile(join(folder, "late"));
      const faster: Catalogue = {
        run: async (operation, input) => {
          if (operation.name === createFirstKey.name)
            await createApiKey({ ...deps(), catalogue }, { team: "other", name: "faster" });
          return catalogue.run(operation, input);
        },
        listen: (topic, wake) => catalogue.listen(topic, wake),
        close: async () => {},
      };
      assert.equal(await createFirstApiKey({ ...deps(), catalogue: faster }, late), null);
      assert.equal(existsSync(late.path), false);
      assert.equal(await createFirstApiKey({ ...deps(), catalogue }, late), null);
      assert.equal(existsSync(late.path), false);
    } finally {
      await catalogue.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("the first start makes one key with every scope, and none when there is a team already", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-keys-"));
    const fatal = (error: Error) => assert.fail(error);
    const catalogue = await openCatalogue({ path: join(folder, "catalogue.db"), fatal });
    try {
      const first = await createFirstApiKey({ ...deps(), catalogue });
      assert.deepEqual(first?.scopes, SCOPES);
      assert.equal(first?.team, "default");
      assert.equal(await createFirstApiKey({ ...deps(), catalogue }), null);
      const found = await authenticate(catalogue, `Bearer ${first?.key}`);
      assert.equal(found?.keyId, first?.keyId);
      assert.equal(found?.teamId, first?.teamId);
    } finally {
      await catalogue.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
