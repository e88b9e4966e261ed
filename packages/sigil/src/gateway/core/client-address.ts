/**
 * The address of a client: that of its connection, or, behind proxies that are trusted, what the
 * nearest of them says. RFC 7239 §5.2, §6, and X-Forwarded-For.
 */
import { BlockList, isIP, isIPv4, type Socket } from "node:net";
import { type Lines, valuesOf } from "./fields.ts";

/** A field in which proxies list the addresses that they were asked from. */
export const FORWARDED_FIELDS = ["x-forwarded-for", "forwarded"] as const;
export type ForwardedField = (typeof FORWARDED_FIELDS)[number];

export interface ClientAddressesOptions {
  /** Addresses and networks, `192.0.2.1` and `2001:db8::/32`. @default none */
  readonly trusted?: readonly string[];
  /** The one field that the proxies write. What stands in the other is the client's. */
  readonly field?: ForwardedField;
}

export class ClientAddresses {
  readonly #trusted: BlockList | undefined;
  readonly #field: ForwardedField;

  constructor({ trusted = [], field = FORWARDED_FIELDS[0] }: ClientAddressesOptions = {}) {
    this.#field = field;
    if (trusted.length === 0) return;
    this.#trusted = new BlockList();
    for (const text of trusted) {
      const { address, bits, family } = networkIn(text)!;
      this.#trusted.addSubnet(address, bits, family);
    }
  }

  /** Undefined if it is not known. */
  of({
    socket: { remoteAddress },
    rawHeaders,
  }: {
    readonly socket: Pick<Socket, "remoteAddress">;
    readonly rawHeaders: Lines;
  }): string | undefined {
    if (this.#trusted === undefined || !this.#isTrusted(remoteAddress)) return remoteAddress;
    return this.behind(remoteAddress, valuesOf(rawHeaders, this.#field));
  }

  /**
   * Of a request that a trusted proxy passed on. Read from the right, because each proxy adds the
   * address that asked it: the first one that is of no trusted proxy is the client's, and what
   * stands left of it is what the client said.
   *
   * @param values of the field
   */
  behind(proxy: string | undefined, values: readonly string[]): string | undefined {
    const hops = (this.#field === "forwarded" ? forwardedIn : listedIn)(values);
    let client = proxy;
    for (const hop of hops.reverse()) {
      client = addressIn(hop);
      if (!this.#isTrusted(client)) break;
    }
    return client;
  }

  #isTrusted(address: string | undefined): boolean {
    const plain = address?.replace(ZONE, "") ?? "";
    const family = isIP(plain);
    // An IPv4 address that is mapped into IPv6 is found in networks of IPv4 too.
    return family !== 0 && this.#trusted?.check(plain, `ipv${family as 4 | 6}`) === true;
  }
}

/** An address or a network in CIDR; undefined for any other text. */
export function networkIn(text: string):
  | {
      readonly address: string;
      readonly bits: number;
      readonly family: "ipv4" | "ipv6";
    }
  | undefined {
  const [address = "", length, ...more] = text.split("/");
  const family = address.includes("%") ? 0 : isIP(address);
  if (family === 0 || more.length > 0) return undefined;
  const longest = family === 4 ? 32 : 128;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const bits = length === undefined ? longest : Number(length);
  return bits > longest ? undefined : { address, bits, family: `ipv${family as 4 | 6}` };
}

/** Of a link-local address: which of this machine's links. */
const ZONE = /%.*$/;
const WITH_PORT = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/;

/** Without port and zone; undefined for `unknown`, a name that a proxy made up, or no address. */
function addressIn(hop: string): string | undefined {
  const [, inBrackets, dotted] = WITH_PORT.exec(hop) ?? [];
  const address = (inBrackets ?? dotted ?? hop).replace(ZONE, "");
  return isIP(address) === 0 || (inBrackets !== undefined && isIPv4(address)) ? undefined : address;
}

const listedIn = (values: readonly string[]): string[] =>
  values
    .flatMap((value) => value.split(","))
    .map((hop) => hop.trim())
    .filter((hop) => hop !== "");

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** RFC 7239 §4. Between two elements is a comma, between two pairs a semicolon. */
const PAIR = new RegExp(
  `[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?[ \\t]*([,;]|$)`,
  "y",
);

/**
 * The `for` of each element. A field that is not well-formed as a whole tells nothing: a quotation
 * mark that a client left open would take in what the proxies have added.
 */
function forwardedIn(values: readonly string[]): string[] {
  const text = values.join(",");
  const hops: string[] = [];
  let hop: string | undefined;
  let isEmpty = true;
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex <= text.length) {
    const [, name, token, quoted, end] = PAIR.exec(text) ?? [];
    if (end === undefined) return [UNREADABLE];
    if (name !== undefined) isEmpty = false;
    if (name?.toLowerCase() === "for") {
      if (hop !== undefined) return [UNREADABLE];
      hop = token ?? quoted!.replace(/\\(.)/g, "$1");
    }
    if (end === ";") continue;
    // A proxy that does not say whom it was asked by.
    if (!isEmpty) hops.push(hop ?? UNREADABLE);
    hop = undefined;
    isEmpty = true;
    if (end === "") break;
  }
  return hops;
}

const UNREADABLE = "unknown";
