import assert from "node:assert/strict";
import { AnswerSchemas, operationsOf } from "../security/operations.ts";
import { at, objectAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

/** What `/openapi.json` shows by example is what it says by schema. */

const { api } = await openTarget();
const document = objectAt((await api.get("/openapi.json")).json);
const schemas = new AnswerSchemas(document);
const operations = operationsOf(document);

proves(["ALL-4"], "every operation that takes or answers JSON has an example of it, and each is as described", () => {
  const faults: string[] = [];
  for (const operation of operations) {
    const described = at(document, "paths", operation.path, operation.method.toLowerCase());
    const sent = at(described, "requestBody", "content", "application/json");
    if (sent !== undefined) {
      const example = at(sent, "example");
      if (example === undefined) faults.push(`${operation.id} has no example of its body`);
      else faults.push(...said(`${operation.id}, body`, schemas.faultOfBody(operation, example)));
    }
    for (const [status, answer] of Object.entries(objectAt(described, "responses"))) {
      const content = at(answer, "content", "application/json");
      if (content === undefined || Number(status) >= 300) continue;
      const example = at(content, "example");
      if (example === undefined) faults.push(`${operation.id} has no example of its ${status}`);
      else
        faults.push(
          ...said(
            `${operation.id}, ${status}`,
            schemas.faultOf(operation, Number(status), "application/json", example),
          ),
        );
    }
  }
  assert.deepEqual(faults, []);
});

proves(["ALL-5"], "every error code has an example, and every response of an error shows those of its codes", () => {
  const codes = Object.keys(objectAt(document, "x-error-codes"));
  for (const code of codes) {
    const example = at(document, "components", "examples", code, "value");
    assert.equal(schemas.faultOfError(example), null, code);
    assert.equal(at(example, "error", "code"), code);
  }
  for (const { path, method, id } of operations.filter(({ needsKey }) => needsKey))
    for (const [status, answer] of Object.entries(objectAt(document, "paths", path, method.toLowerCase(), "responses")))
      if (Number(status) >= 400) {
        const shown = Object.keys(objectAt(answer, "content", "application/json", "examples"));
        assert.ok(shown.length > 0, `${id} ${status}`);
        for (const code of shown) assert.equal(at(document, "x-error-codes", code, "status"), Number(status), code);
      }
});

function said(where: string, fault: string | null): readonly string[] {
  return fault === null ? [] : [`${where}: ${fault}`];
}
