/** Careful reading of answers: a field that is not there or of another type is null, whoever sent it. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function parseObject(text: string): JsonObject | null {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return null;
  }
}

export function objectOf(value: unknown): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
}

export function objectIn(json: JsonObject | null, field: string): JsonObject | null {
  return objectOf(json?.[field]);
}

export function textIn(json: JsonObject | null, field: string): string | null {
  const value = json?.[field];
  return typeof value === "string" ? value : null;
}

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
