/**
 * What doctor says of one thing it looked at.
 *
 * - **ok**: as it should be.
 * - **note**: nothing is wrong with the service; somebody may want to know.
 * - **problem**: something has to be done, and `say` says what.
 * - **repaired**: was a problem until now.
 */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "note" | "problem" | "repaired";
  /** One or two sentences. */
  readonly say: string;
}

export function finding(check: string, state: Finding["state"], say: string): Finding {
  return { check, state, say };
}

/** Some of many, for a sentence: the first five, and how many there are. */
export function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

export function bytesInWords(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
