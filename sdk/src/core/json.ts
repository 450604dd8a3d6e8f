/**
 * Careful reading of what did not come in the form that was agreed: a field that is not there, or of another type, is
 * null.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

export function parseObject(text: string): JsonObject | null {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return null;
  }
}

export function objectIn(json: JsonObject | null, field: string): JsonObject | null {
  return objectOf(json?.[field]);
}

export function textIn(json: JsonObject | null, field: string): string | null {
  const value = json?.[field];
  return typeof value === "string" ? value : null;
}

export function objectOf(value: unknown): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
}
