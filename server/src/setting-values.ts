import { BlockList, isIPv4, isIPv6 } from "node:net";

/** A setting that cannot be used. The process ends with its one sentence and exit code 78 (EX_CONFIG). */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export function nonEmpty(text: string): string {
  if (text === "") throw new ConfigError("must not be empty");
  return text;
}

export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new ConfigError(`must be one of ${words.join(", ")}, not "${text}"`);
    return found;
  };
}

export function integerWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new ConfigError(`must be a whole number from ${min} to ${max}, not "${text}"`);
    return value;
  };
}

export function baseUrl(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "" || url.username !== "")
    throw new ConfigError(
      `must be an http or https URL without query, such as https://files.example.com, not "${text}"`,
    );
  let base = url.href;
  while (base.endsWith("/")) base = base.slice(0, -1);
  return base;
}

export function origins(text: string): readonly string[] {
  const list = text.split(",").map((part) => part.trim());
  for (const origin of list) {
    const good = origin === "*" || (URL.canParse(origin) && new URL(origin).origin === origin);
    if (!good) throw new ConfigError(`must list origins such as https://app.example.com or *, not "${origin}"`);
  }
  return list;
}

/** `10.0.0.0/8,2001:db8::/32,192.0.2.7`; an empty text is no range. */
export function addressRanges(text: string): BlockList {
  const ranges = new BlockList();
  for (const range of text.split(",").flatMap((part) => part.trim() || [])) {
    const [address = "", prefix, ...more] = range.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    const bits = family === "ipv4" ? 32 : 128;
    const length = prefix === undefined ? bits : Number(/^\d{1,3}$/.exec(prefix)?.[0] ?? Number.NaN);
    if (!(isIPv4(address) || isIPv6(address)) || !(length <= bits) || more.length > 0)
      throw new ConfigError(`must list address ranges such as 10.0.0.0/8 or 2001:db8::/32, not "${range}"`);
    ranges.addSubnet(address, length, family);
  }
  return ranges;
}
