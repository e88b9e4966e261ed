/** Whose address is believed: of whom, from which field, and from which end of it. */
import { describe, expect, test } from "vitest";
import { ClientAddresses, networkIn } from "./client-address.ts";

const trusted = ["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48", "fe80::1"];
const of = (
  addresses: ClientAddresses,
  remoteAddress: string | undefined,
  fields: readonly (readonly [name: string, value: string])[],
) => addresses.of({ socket: { remoteAddress }, rawHeaders: fields.flat() });

describe("X-Forwarded-For", () => {
  const addresses = new ClientAddresses({ trusted });
  test.each([
    // Nobody but a trusted proxy is believed.
    ["203.0.113.5", ["198.51.100.1"], "203.0.113.5"],
    ["192.0.2.8", ["198.51.100.1"], "192.0.2.8"],
    ["2001:db8:2::1", ["198.51.100.1"], "2001:db8:2::1"],
    [undefined, ["198.51.100.1"], undefined],
    // The right hop, whatever the client wrote before it.
    ["10.0.0.1", ["198.51.100.1"], "198.51.100.1"],
    ["10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"],
    ["10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"],
    ["10.0.0.1", ["10.0.0.9,198.51.100.1"], "198.51.100.1"],
    ["10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2, 192.0.2.7"], "198.51.100.1"],
    ["10.0.0.1", ["198.51.100.1, 203.0.113.5, 10.0.0.2"], "203.0.113.5"],
    ["10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"],
    ["10.0.0.1", [], "10.0.0.1"],
    ["10.0.0.1", [" , ,"], "10.0.0.1"],
    // Ports, zones, and IPv4 in IPv6.
    ["::ffff:10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"],
    ["::ffff:a00:1", ["[2001:db8:9::1]:4711"], "2001:db8:9::1"],
    ["fe80::1%eth0", ["[2001:db8:9::1]"], "2001:db8:9::1"],
    ["fe80::2%eth0", ["198.51.100.1"], "fe80::2%eth0"],
    ["10.0.0.1", ["198.51.100.1, ::ffff:10.0.0.2"], "198.51.100.1"],
    ["10.0.0.1", ["198.51.100.1, 10.0.0.2:99"], "198.51.100.1"],
    ["10.0.0.1", ["198.51.100.1, [2001:db8:1::5]:99"], "198.51.100.1"],
    ["10.0.0.1", ["fe80::9%eth0"], "fe80::9"],
    ["2001:DB8:1::1", ["::ffff:198.51.100.1"], "::ffff:198.51.100.1"],
    // What is no address is nobody, and nothing left of it is believed.
    ["10.0.0.1", ["198.51.100.1, unknown"], undefined],
    ["10.0.0.1", ["198.51.100.1, _hidden"], undefined],
    ["10.0.0.1", ["198.51.100.1, 300.1.1.1"], undefined],
    ["10.0.0.1", ["198.51.100.1, [10.0.0.2]"], undefined],
    ["10.0.0.1", ["198.51.100.1, 10.0.0.2:port"], undefined],
  ] as const)("from %s with %j is %s", (peer, values, client) => {
    expect(
      of(
        addresses,
        peer,
        values.map((value) => ["X-Forwarded-For", value] as const),
      ),
    ).toBe(client);
  });

  test("Forwarded and X-Real-Ip are the client's", () => {
    const fields = [
      ["Forwarded", "for=1.1.1.1"],
      ["X-Real-Ip", "1.1.1.1"],
      ["X-Forwarded-For", "198.51.100.1"],
    ] as const;
    expect(of(addresses, "10.0.0.1", fields)).toBe("198.51.100.1");
    expect(of(addresses, "10.0.0.1", fields.slice(0, 2))).toBe("10.0.0.1");
  });

  test("without trusted proxies it is nobody's", () => {
    expect(of(new ClientAddresses(), "127.0.0.1", [["x-forwarded-for", "1.1.1.1"]])).toBe(
      "127.0.0.1",
    );
  });
});

describe("Forwarded", () => {
  const addresses = new ClientAddresses({ trusted, field: "forwarded" });
  test.each([
    // The examples of RFC 7239 §4 and §7.1.
    [['for="_gazonk"'], undefined],
    [['For="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17"],
    [["for=192.0.2.60;proto=http;by=203.0.113.43"], "192.0.2.60"],
    [["for=192.0.2.43, for=198.51.100.17"], "198.51.100.17"],
    [['for=192.0.2.43, for="[2001:db8:cafe::17]"'], "2001:db8:cafe::17"],
    [["for=192.0.2.43", 'for="[2001:db8:cafe::17]"'], "2001:db8:cafe::17"],
    // Through trusted proxies.
    [["for=198.51.100.1;proto=https, for=10.0.0.2"], "198.51.100.1"],
    [['for=198.51.100.1 , by=a;for="10.0.0.2:99" ;proto=http'], "198.51.100.1"],
    [["for=198.51.100.1,,"], "198.51.100.1"],
    [['for="198.51.100\\.1"'], "198.51.100.1"],
    [[], "10.0.0.1"],
    [[""], "10.0.0.1"],
    // An element that does not say for whom hides what stands left of it.
    [["for=198.51.100.1, proto=https"], undefined],
    [["for=198.51.100.1, for=unknown"], undefined],
    // A client that leaves a quotation mark open, or writes none of the grammar.
    [['for="1.1.1.1, for=198.51.100.1'], undefined],
    [['for="1.1.1.1', "for=198.51.100.1"], undefined],
    [['for="1.1.1.1', 'for="[2001:db8:cafe::17]"'], undefined],
    [['for="1.1.1.1\\', 'for="[2001:db8:cafe::17]"'], undefined],
    [['for=1.1.1.1;x="', 'for="[2001:db8:cafe::17]:99"'], undefined],
    [["for=1.1.1.1;for=198.51.100.1"], undefined],
    [["for=[2001:db8:cafe::17]"], undefined],
    [["1.1.1.1, for=198.51.100.1"], undefined],
    [["for = 1.1.1.1, for=198.51.100.1"], undefined],
  ] as const)("%j is %s", (values, client) => {
    expect(
      of(
        addresses,
        "10.0.0.1",
        values.map((value) => ["Forwarded", value] as const),
      ),
    ).toBe(client);
  });

  test("X-Forwarded-For is the client's", () => {
    expect(of(addresses, "10.0.0.1", [["x-forwarded-for", "1.1.1.1"]])).toBe("10.0.0.1");
  });
});

test.each([
  ["192.0.2.1", 32],
  ["10.0.0.0/8", 8],
  ["::1", 128],
  ["2001:db8::/32", 32],
  ["0.0.0.0/0", 0],
  ["10.0.0.0/33", undefined],
  ["10.0.0.0/-1", undefined],
  ["10.0.0.0/8/8", undefined],
  ["10.0.0.0/", undefined],
  ["10.0.0", undefined],
  ["fe80::1%eth0", undefined],
  ["localhost", undefined],
  ["", undefined],
])("%s is a network of %s bits", (text, bits) => {
  expect(networkIn(text)?.bits).toBe(bits);
});
