/**
 * What a client reads of an answer: which members it takes, and what it does with them. More members than these are
 * nobody's business.
 */
export type Shape = (value: unknown, path: string) => readonly string[];

const when = (says: string, holds: (value: unknown) => boolean): Shape => {
  return (value, path) => (holds(value) ? [] : [`${path} is no ${says}: ${JSON.stringify(value)}`]);
};

export const text = when("text", (value) => typeof value === "string");
export const someText = when("text that says something", (value) => typeof value === "string" && value !== "");
export const number = when("number", (value) => typeof value === "number");
export const count = when("count", (value) => Number.isInteger(value) && Number(value) >= 0);
export const flag = when("true or false", (value) => typeof value === "boolean");
export const nothing = when("null", (value) => value === null);
export const time = when("time in UTC", (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(String(value)));

export const is = (...values: readonly unknown[]) => when(values.join(" or "), (value) => values.includes(value));
export const id = (prefix: string) =>
  when(`id of ${prefix}_`, (value) => new RegExp(`^${prefix}_[A-Za-z0-9_]+$`).test(String(value)));

export function orNull(shape: Shape): Shape {
  return (value, path) => (value === null ? [] : shape(value, path));
}

/** Each of them, and at least `least`. */
export function listOf(shape: Shape, least = 0): Shape {
  return (value, path) => {
    if (!Array.isArray(value) || value.length < least) return [`${path} is no list of at least ${least}`];
    return value.flatMap((each, place) => shape(each, `${path}[${place}]`));
  };
}

/** A list whose places have shapes of their own. */
export function tuple(...shapes: readonly Shape[]): Shape {
  return (value, path) =>
    Array.isArray(value) && value.length === shapes.length
      ? shapes.flatMap((shape, place) => shape(value[place], `${path}[${place}]`))
      : [`${path} is no list of ${shapes.length}`];
}

export function object(members: Readonly<Record<string, Shape>>): Shape {
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path} is no object`];
    const present = new Map(Object.entries(value));
    return Object.entries(members).flatMap(([name, shape]) => shape(present.get(name), `${path}.${name}`));
  };
}

/** An object whose members' names are data. */
export function recordOf(shape: Shape): Shape {
  return (value, path) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([name, each]) => shape(each, `${path}.${name}`))
      : [`${path} is no object`];
}
