/**
 * What answers hold, read member by member: a member that is absent or of another type is empty, and the page goes on.
 */

export type Json = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOf(object: Json, name: string): string {
  const value = object[name];
  return typeof value === "string" ? value : "";
}

/** Null: absent or no number. */
export function numberOf(object: Json, name: string): number | null {
  const value = object[name];
  return typeof value === "number" ? value : null;
}

export function listOf(object: Json, name: string): readonly unknown[] {
  const value = object[name];
  return Array.isArray(value) ? value : [];
}

export function objectsOf(object: Json, name: string): readonly Json[] {
  return listOf(object, name).filter(isObject);
}

export function textsOf(object: Json, name: string): readonly string[] {
  return listOf(object, name).filter((item) => typeof item === "string");
}
