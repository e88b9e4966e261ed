/** The networks that a client's address belongs to: who shares a rate of challenges with it. */

/**
 * The prefixes of an address, the innermost first: what one client holds, and the networks that it
 * may choose addresses in. An IPv6 subscriber has a /64 at least, often a /56 or a /48, and a
 * provider a /32.
 */
const V4_BITS = [32, 24] as const;
const V6_BITS = [64, 56, 48, 32] as const;

/**
 * How much more than one client its networks may have, from the inside out: an attacker chooses
 * addresses in all of a network that it holds.
 */
const V4_FACTORS = [1, 8] as const;
const V6_FACTORS = [1, 2, 4, 16] as const;

/** The most networks that an address has. */
export const NETWORK_LEVELS = V6_BITS.length;

/** How many times as much as one client the network at `level` of `levels` may have. */
export const networkFactor = (level: number, levels: number): number =>
  (levels === NETWORK_LEVELS ? V6_FACTORS : V4_FACTORS)[level]!;

/** Everybody whose address is not known, or is none. */
const UNKNOWN: readonly string[] = ["unknown"];

/**
 * The networks of an address, from the client to its provider, at most four: an IPv4 address is a
 * client, and so is an IPv6 /64. An IPv4 address that is mapped into IPv6 is the same client. A
 * port behind the address, as some proxies write it, is not part of it.
 *
 * @example
 * const [client] = networksOf(request.socket.remoteAddress);
 */
export function networksOf(address: string | undefined): readonly string[] {
  if (address === undefined || address.length > MAX_CHARACTERS) return UNKNOWN;
  const [, inBrackets, dotted, plain = dotted ?? inBrackets] = WITH_PORT.exec(address) ?? [];
  if (plain === undefined) return UNKNOWN;
  const v4 = DOTTED.exec(plain);
  if (v4 !== null) return v4Networks(v4.slice(1).map(Number));
  const groups = groupsOf(plain.replace(/%.*$/, ""));
  if (groups === undefined) return UNKNOWN;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return v4Networks(groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]));
  const bits = groups.map((group) => group.toString(2).padStart(16, "0")).join("");
  return V6_BITS.map((length) => `${bits.slice(0, length)}/${length}`);
}

const MAX_CHARACTERS = 80;
/** `[2001:db8::1]`, `[2001:db8::1]:443`, `192.0.2.1:443`, or an address alone. */
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+)(?::\d+)?|([\da-f:.]+(?:%.*)?))$/i;
const DOTTED = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function v4Networks(bytes: readonly number[]): readonly string[] {
  if (bytes.some((byte) => byte > 255)) return UNKNOWN;
  return V4_BITS.map((length) => `${bytes.slice(0, length / 8).join(".")}/${length}`);
}

/** The eight groups of an IPv6 address; undefined for any other text. */
function groupsOf(text: string): readonly number[] | undefined {
  let canonical: string;
  try {
    canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
  const [head = "", tail] = canonical.split("::");
  const read = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const before = read(head);
  if (tail === undefined) return before;
  const after = read(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
