/** A member of what somebody else's JSON may be; undefined where it is no object, or has none of that name itself. */
export function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
