/**
 * The registries of IANA, row by row, and every clothing of an IPv4 address. Rows are from
 * iana-ipv4-special-registry and iana-ipv6-special-registry; nothing is connected to.
 */
import net from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { publicAddress } from "./public-address.ts";

const isPublic = publicAddress(net);

/** Every row, and what else is no unicast address of the internet. */
const V4_ROWS: readonly (readonly [subnet: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.0.0", 29],
  ["192.0.0.8", 32],
  ["192.0.0.9", 32],
  ["192.0.0.10", 32],
  ["192.0.0.170", 32],
  ["192.0.0.171", 32],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["255.255.255.255", 32],
];

const V6_ROWS: readonly (readonly [subnet: string, bits: number])[] = [
  ["::1", 128],
  ["::", 128],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["100:0:0:1::", 64],
  ["2001::", 23],
  ["2001::", 32],
  ["2001:1::1", 128],
  ["2001:1::2", 128],
  ["2001:1::3", 128],
  ["2001:2::", 48],
  ["2001:3::", 32],
  ["2001:4:112::", 48],
  ["2001:10::", 28],
  ["2001:20::", 28],
  ["2001:30::", 28],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3fff::", 20],
  ["5f00::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
];

const numberOf = (dotted: string): number =>
  dotted.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
const dotted = (bits: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join(".");
const hex = (bits: number): string =>
  `${Math.floor(bits / 65_536).toString(16)}:${(bits % 65_536).toString(16)}`;

const inRow = fc
  .constantFrom(...V4_ROWS)
  .chain(([subnet, bits]) =>
    fc.integer({ min: 0, max: 2 ** (32 - bits) - 1 }).map((host) => numberOf(subnet) + host),
  );

const rows = new net.BlockList();
for (const [subnet, bits] of V4_ROWS) rows.addSubnet(subnet, bits, "ipv4");
const outside = fc
  .integer({ min: 0, max: 2 ** 32 - 1 })
  .filter((bits) => !rows.check(dotted(bits), "ipv4"));

/** A prefix of 64 bits that is public by itself. */
const prefix = fc.constantFrom("2607:f8b0:4005:805", "2a00:1450:4001:82a", "2003:0:0:1");

/** The ways to write or carry an IPv4 address in an IPv6 address. */
const CLOTHINGS: Readonly<Record<string, (bits: number, prefix: string) => string>> = {
  mapped: (bits) => `::ffff:${hex(bits)}`,
  "mapped, written whole": (bits) => `0:0:0:0:0:FFFF:${hex(bits)}`,
  "mapped, with dots": (bits) => `::ffff:${dotted(bits)}`,
  compatible: (bits) => `::${dotted(bits)}`,
  "compatible, in hex": (bits) => `::${hex(bits)}`,
  "translated by SIIT": (bits) => `::ffff:0:${hex(bits)}`,
  "translated by NAT64": (bits) => `64:ff9b::${hex(bits)}`,
  "translated by NAT64, with dots": (bits) => `64:ff9b::${dotted(bits)}`,
  "translated by NAT64, written whole": (bits) => `0064:FF9B:0:0:0:0:${hex(bits)}`,
  "behind the local prefix of NAT64": (bits) => `64:ff9b:1::${hex(bits)}`,
  "in 6to4": (bits) => `2002:${hex(bits)}::1`,
  "in Teredo, as the server": (bits) => `2001:0:${hex(bits)}::1`,
  "in Teredo, as the client": (bits) => `2001:0:808:808:0:0:${hex(2 ** 32 - 1 - bits)}`,
  "in ISATAP": (bits, at) => `${at}:0:5efe:${hex(bits)}`,
  "in ISATAP, universal": (bits, at) => `${at}:200:5efe:${hex(bits)}`,
  "in ISATAP, of a group": (bits, at) => `${at}:300:5efe:${hex(bits)}`,
  "in ISATAP, with dots": (bits, at) => `${at}:0:5efe:${dotted(bits)}`,
};
/** In these, a public address is what the network connects to. */
const TRANSLATED = Object.keys(CLOTHINGS).filter((name) => name.startsWith("translated by NAT64"));

describe("no address of the registries is public [case 78]", () => {
  test("of IPv4", () => {
    fc.assert(fc.property(inRow, (bits) => !isPublic(dotted(bits))));
  });

  test.each(V6_ROWS)("of IPv6: %s/%i, its first and its last address", (subnet, bits) => {
    const [left, right] = subnet.split("::").map((part) => part.split(":").filter(Boolean));
    const middle = Array<string>(8 - left!.length - right!.length).fill("0");
    const first = [...left!, ...middle, ...right!].map((group) => Number.parseInt(group, 16));
    const last = first.map((group, at) => {
      const free = Math.min(16, Math.max(0, 16 * (at + 1) - bits));
      return group | (2 ** free - 1);
    });
    for (const groups of [first, last])
      expect(isPublic(groups.map((group) => group.toString(16)).join(":"))).toBe(false);
  });

  test.each(Object.keys(CLOTHINGS))("inside of IPv6: %s", (name) => {
    fc.assert(fc.property(inRow, prefix, (bits, at) => !isPublic(CLOTHINGS[name]!(bits, at))));
  });
});

describe("every other address is public", () => {
  test("of IPv4", () => {
    fc.assert(fc.property(outside, (bits) => isPublic(dotted(bits))));
  });

  test.each(TRANSLATED)("of IPv4, %s", (name) => {
    fc.assert(fc.property(outside, (bits) => isPublic(CLOTHINGS[name]!(bits, ""))));
  });

  test("of IPv4, as a resolver maps it", () => {
    fc.assert(fc.property(outside, (bits) => isPublic(`::ffff:${dotted(bits)}`)));
  });

  test("of IPv6, under any interface identifier that is not of ISATAP", () => {
    const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(prefix, groups, (at, host) => {
        fc.pre(host[1] !== 0x5efe);
        return isPublic(`${at}:${host.map((group) => group.toString(16)).join(":")}`);
      }),
    );
  });
});
