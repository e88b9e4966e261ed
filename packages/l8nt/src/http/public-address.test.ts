/**
 * Expected values are from the registries that public-address.ts names. Nothing is connected to.
 */
import net from "node:net";
import { describe, expect, test } from "vitest";
import { publicAddress } from "./public-address.ts";

const isPublic = publicAddress(net);

describe("public addresses are let through [case 78]", () => {
  test.each([
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "2001:4860:4860::8888",
    "2001:200::",
    "2003::1",
    "3ffe:ffff::1",
    "2607:f8b0::5eff:a00:1",
    "2607:f8b0::1:5efe:a00:1",
  ])("%s", (address) => {
    expect(isPublic(address)).toBe(true);
  });

  test.each(["64:ff9b::808:808", "64:ff9b::8.8.8.8", "64:ff9b::5db8:d822"])(
    "%s, which NAT64 translates to a public IPv4 address",
    (address) => {
      expect(isPublic(address)).toBe(true);
    },
  );
});

describe("every other address is refused [case 78]", () => {
  test.each([
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "100::1",
    "2001::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
  ])("%s", (address) => {
    expect(isPublic(address)).toBe(false);
  });

  test.each([
    ["mapped", "::ffff:10.0.0.1"],
    ["mapped, in hex", "::ffff:7f00:1"],
    ["mapped and public, in hex", "::ffff:808:808"],
    ["compatible", "::127.0.0.1"],
    ["compatible, in hex", "::7f00:1"],
    ["translated by NAT64", "64:ff9b::7f00:1"],
    ["translated by NAT64 to the cloud's metadata", "64:ff9b::a9fe:a9fe"],
    ["translated by NAT64 to 0.0.0.1", "64:ff9b::1"],
    ["behind NAT64's prefix, with more than an address", "64:ff9b::1:a00:1"],
    ["behind the local prefix of NAT64", "64:ff9b:1::808:808"],
    ["in 6to4", "2002:7f00:1::"],
    ["in ISATAP", "2607:f8b0::5efe:a00:1"],
    ["in ISATAP with the universal bit", "2607:f8b0::200:5efe:808:808"],
    ["in ISATAP under a whole prefix", "2607:f8b0:1:2:0:5efe:a00:1"],
  ])("an IPv4 address %s: %s", (_what, address) => {
    expect(isPublic(address)).toBe(false);
  });
});

test("loopback, if it is allowed, opens nothing else", () => {
  const isAllowed = publicAddress(net, { allowLoopback: true });
  for (const address of ["127.0.0.1", "127.1.2.3", "::1", "8.8.8.8", "2606:4700::1"])
    expect(isAllowed(address)).toBe(true);
  for (const address of ["10.0.0.1", "169.254.169.254", "::", "fe80::1", "64:ff9b::7f00:1"])
    expect(isAllowed(address)).toBe(false);
});

test("private networks, if they are allowed, open nothing else", () => {
  const isAllowed = publicAddress(net, { allowPrivate: true });
  for (const address of [
    ...["8.8.8.8", "2606:4700::1", "64:ff9b::808:808"],
    ...["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"],
    ...["fc00::1", "fd12:3456::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"],
  ])
    expect(isAllowed(address), address).toBe(true);
  for (const address of [
    ...["127.0.0.1", "0.0.0.0", "169.254.169.254", "192.0.2.1", "198.18.0.1", "224.0.0.1"],
    ...["::1", "::", "fe80::1", "fec0::1", "ff02::1", "2002:a00:1::", "64:ff9b::7f00:1"],
    ...["::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::10.0.0.1"],
    ...["fd12::5efe:a00:1", "fd12::1%eth0", "10.0.0.1%eth0", "64:ff9b:1::a00:1"],
  ])
    expect(isAllowed(address), address).toBe(false);
});
