const WASM_PAGE_BYTES = 64 * 1024;
const MEMORY_SECTION = 5;
const HAS_MAXIMUM = 1;

/**
 * A copy of a WebAssembly module whose memory may grow to `maxBytes` only. Emscripten fixes the maximum when it
 * compiles, and the engine offers no other way to bound it. The number is rewritten in the same length, so no
 * offset moves. Throws when the module is not built as expected: then this file has to be looked at, and nothing
 * runs unbounded.
 */
export function capWasmMemory(module: Buffer, maxBytes: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(module);
  const section = findSection(copy, MEMORY_SECTION);
  const count = readLeb(copy, section);
  const flags = readLeb(copy, count.next);
  const minimum = readLeb(copy, flags.next);
  const maximum = readLeb(copy, minimum.next);
  if (count.value !== 1 || flags.value !== HAS_MAXIMUM)
    throw new Error("the module's memory is not declared as expected");
  writeLeb(copy, minimum.next, maximum.next, Math.floor(maxBytes / WASM_PAGE_BYTES));
  return copy;
}

/** Where the section's content begins. */
function findSection(module: Uint8Array, wanted: number): number {
  let at = 8;
  while (at < module.length) {
    const size = readLeb(module, at + 1);
    if (module[at] === wanted) return size.next;
    at = size.next + size.value;
  }
  throw new Error("the module declares no memory");
}

/** Unsigned LEB128: seven bits a byte, the lowest first. */
function readLeb(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let next = at;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[next] ?? 0;
    next += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) break;
  }
  return { value, next };
}

/** Fills exactly the bytes from `at` to `end`, with leading zeros where the number is shorter. */
function writeLeb(bytes: Uint8Array, at: number, end: number, value: number): void {
  if (value >= 2 ** (7 * (end - at))) throw new Error("the new maximum does not fit in the place of the old one");
  let rest = value;
  for (let index = at; index < end; index++) {
    bytes[index] = (rest & 0x7f) | (index < end - 1 ? 0x80 : 0);
    rest = Math.floor(rest / 128);
  }
}
