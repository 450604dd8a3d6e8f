import { isIPv4, isIPv6 } from "node:net";

/**
 * An IP address as bytes: 4 of IPv4, also when it is mapped into IPv6 (`::ffff:1.2.3.4`), else 16. Null: it is none.
 */
export function addressBytes(address: string): Uint8Array | null {
  if (isIPv4(address)) return Uint8Array.from(address.split("."), Number);
  const [unzoned = ""] = address.split("%", 1);
  return isIPv6(unzoned) ? unmapped(bytesOfIPv6(unzoned)) : null;
}

/** On a socket that takes both, every IPv4 peer is written as an IPv6 one. */
function unmapped(bytes: Uint8Array): Uint8Array {
  const mapped = bytes.length === 16 && bytes.subarray(0, 10).every((byte) => byte === 0);
  return mapped && bytes[10] === 0xff && bytes[11] === 0xff ? bytes.subarray(12) : bytes;
}

function bytesOfIPv6(address: string): Uint8Array {
  const dotted = address.includes(".") ? address.slice(address.lastIndexOf(":") + 1) : "";
  const [front = "", back = ""] = address.slice(0, address.length - dotted.length).split("::", 2);
  const head = groupBytes(front);
  const tail = [...groupBytes(back), ...(dotted === "" ? [] : dotted.split(".").map(Number))];
  return Uint8Array.from([...head, ...Array<number>(16 - head.length - tail.length).fill(0), ...tail]);
}

function groupBytes(groups: string): number[] {
  return groups.split(":").flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return group === "" ? [] : [value >> 8, value & 0xff];
  });
}

/**
 * Whom connections count for: an IPv4 address, or the /64 of an IPv6 one, which is the least that a customer of a
 * provider gets: its 2^64 addresses are one machine's to choose from.
 */
export function peerOf(address: string): string {
  const bytes = addressBytes(address);
  if (bytes === null) return address;
  return bytes.length === 4 ? bytes.join(".") : `${Buffer.from(bytes.subarray(0, 8)).toString("hex")}/64`;
}
