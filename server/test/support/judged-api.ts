import assert from "node:assert/strict";
import { AnswerSchemas, type Operation, operationsOf } from "../security/operations.ts";
import { Api, type JsonCall } from "./api.ts";
import { type HttpAnswer, http } from "./http.ts";
import { objectAt, shown } from "./json.ts";

/**
 * The API of one key, each of whose answers is held against what the server's own `/openapi.json` says of that
 * operation.
 */
export class JudgedApi extends Api {
  override async call(method: string, path: string, call: JsonCall = {}): Promise<HttpAnswer> {
    const answer = await super.call(method, path, call);
    const fault = (await descriptionOf(this.base))(method, path, answer);
    assert.equal(fault, null, `${method} ${path} answered ${answer.status} ${shown(answer.json)}`);
    return answer;
  }
}

type Judge = (method: string, path: string, answer: HttpAnswer) => string | null;

const DESCRIPTIONS = new Map<string, Promise<Judge>>();

/** One a server: schemas are compiled once. */
function descriptionOf(base: string): Promise<Judge> {
  const known = DESCRIPTIONS.get(base) ?? readDescription(base);
  DESCRIPTIONS.set(base, known);
  return known;
}

async function readDescription(base: string): Promise<Judge> {
  const document = objectAt((await http(`${base}/openapi.json`)).json);
  const schemas = new AnswerSchemas(document);
  const operations = operationsOf(document).map((operation) => ({ operation, address: addressOf(operation.path) }));
  return (method, path, { status, headers, text, json }) => {
    const [address = ""] = path.split("?");
    // What answers an address with a fixed name comes before one with an id in its place.
    const found = operations.filter((one) => one.operation.method === method && one.address.test(address));
    const operation = found.sort((a, b) => idsIn(a.operation) - idsIn(b.operation))[0]?.operation;
    // A method that an address does not take is of no operation, though another one's pattern may fit.
    if (operation === undefined || status === 405) return null;
    const named = schemas.mediaTypes(operation, status);
    if (named === null) return `${operation.id} does not describe ${status}`;
    const [type = ""] = (headers["content-type"] ?? "").split(";");
    if (text !== "" && !named.includes(type)) return `${operation.id} does not describe ${type} with ${status}`;
    return type.endsWith("json") ? schemas.faultOf(operation, status, type, json) : null;
  };
}

function idsIn({ path }: Operation): number {
  return path.split("{").length;
}

function addressOf(path: string): RegExp {
  const parts = path.split(/\{\w+\}/).map((part) => part.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`);
}
