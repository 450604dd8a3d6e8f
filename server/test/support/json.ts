import assert from "node:assert/strict";

/** Reads of untyped JSON answers: each says which member is wrong, instead of a TypeError somewhere later. */

type Path = readonly (string | number)[];

export function at(value: unknown, ...path: Path): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = Object.hasOwn(here, step) ? Reflect.get(here, step) : undefined;
  }
  return here;
}

export function textAt(value: unknown, ...path: Path): string {
  const found = at(value, ...path);
  if (typeof found !== "string") assert.fail(`${path.join(".")} is no string in ${shown(value)}`);
  return found;
}

export function numberAt(value: unknown, ...path: Path): number {
  const found = at(value, ...path);
  if (typeof found !== "number") assert.fail(`${path.join(".")} is no number in ${shown(value)}`);
  return found;
}

export function listAt(value: unknown, ...path: Path): readonly unknown[] {
  const found = at(value, ...path);
  if (!Array.isArray(found)) assert.fail(`${path.join(".")} is no list in ${shown(value)}`);
  return found;
}

export function objectAt(value: unknown, ...path: Path): object {
  const found = at(value, ...path);
  if (typeof found !== "object" || found === null) assert.fail(`${path.join(".")} is no object in ${shown(value)}`);
  return found;
}

/** The value without one member: for comparing answers apart from their request_id. */
export function without(value: unknown, ...names: readonly string[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

export function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 1500);
}

/** What a program has printed so far; undefined until it is a whole document. */
export function wholeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
