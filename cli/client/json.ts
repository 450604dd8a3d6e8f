import { type JsonObject, objectIn, objectOf, parseObject, textIn } from "../../sdk/src/core/json.ts";

/** Careful reading of answers: a field that is not there or of another type is null, whoever sent it. */
export { type JsonObject, objectIn, objectOf, parseObject, textIn };

export function numberIn(json: JsonObject | null, field: string): number | null {
  const value = json?.[field];
  return typeof value === "number" ? value : null;
}

export function listIn(json: JsonObject | null, field: string): readonly unknown[] {
  const value = json?.[field];
  return Array.isArray(value) ? value : [];
}

export function textsIn(json: JsonObject | null, field: string): readonly string[] {
  return listIn(json, field).filter((value) => typeof value === "string");
}

export function objectsIn(json: JsonObject | null, field: string): readonly JsonObject[] {
  return listIn(json, field)
    .map(objectOf)
    .filter((value) => value !== null);
}
