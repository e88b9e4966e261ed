/**
 * Which addresses an issuer is asked at. What is public, or private by permission, is reached in
 * test/net: here, nothing but this machine may be. [case 78]
 */
import dns from "node:dns";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { IssuerDirectory } from "./directory.ts";
import { issuerFetch } from "./issuer-fetch.ts";
import { KEYS_PATH, writeKeyPage } from "./key-page.ts";

let server: Server;
let port: number;
let requests = 0;
beforeAll(async () => {
  server = createServer((request, response) => {
    requests++;
    const issuer = `http://${request.headers.host}`;
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(writeKeyPage(issuer, [{ keyId: 1, publicKey: new Uint8Array(32) }]));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => server.close());
afterEach(() => vi.restoreAllMocks());

/** What the resolver says, of one look-up after the other; its last answer stays. */
function resolving(...answers: readonly (readonly string[])[]): void {
  let asked = 0;
  vi.spyOn(dns, "lookup").mockImplementation(((
    _name: string,
    _options: unknown,
    done: (...args: unknown[]) => void,
  ) => {
    const addresses = answers[Math.min(asked++, answers.length - 1)]!;
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) as never);
}

/** The code that the operator is told, and the one that the holder is. */
async function outcome(issuer: string, allowPrivateIssuers = false) {
  const alarms: string[] = [];
  const directory = new IssuerDirectory({
    issuers: [issuer],
    allowPrivateIssuers,
    alarm: (_, cause) =>
      alarms.push(`${(cause as { code: string }).code} ${(cause as Error).message}`),
  });
  await directory.load(issuer, 1);
  try {
    directory.find(issuer, 1);
    return ["found", ...alarms];
  } catch (error) {
    return [(error as { code: string }).code, ...alarms];
  }
}

// 2d00::/8 is public, and was never given to anybody.
const EVER = [
  ["loopback", ["127.0.0.1"]],
  ["loopback of IPv6", ["::1"]],
  ["loopback, mapped", ["::ffff:127.0.0.1"]],
  ["loopback behind NAT64", ["64:ff9b::7f00:1"]],
  ["no host", ["0.0.0.0"]],
  ["a link-local address: the metadata of a cloud", ["169.254.169.254"]],
  ["that, behind NAT64", ["64:ff9b::a9fe:a9fe"]],
  ["a link-local address of IPv6", ["fe80::1"]],
  ["multicast", ["224.0.0.1"]],
  ["a public and a loopback address", ["2d00:16::1", "127.0.0.1"]],
  ["a loopback and a public address", ["127.0.0.1", "2d00:16::1"]],
] as const;
const PRIVATE = [
  ["10.0.0.0/8", ["10.1.2.3"]],
  ["172.16.0.0/12", ["172.16.0.1"]],
  ["192.168.0.0/16", ["192.168.1.1"]],
  ["100.64.0.0/10", ["100.64.0.1"]],
  ["fc00::/7", ["fd12::1"]],
  ["10.0.0.0/8, mapped", ["::ffff:10.1.2.3"]],
  ["10.0.0.0/8 behind NAT64", ["64:ff9b::a01:203"]],
  ["a public and a private address", ["2d00:16::1", "fd12::1"]],
] as const;

describe("an issuer whose name leads to what is not public is asked for nothing", () => {
  test.each([...EVER, ...PRIVATE])("%s", async (_name, addresses) => {
    resolving(addresses);
    const before = requests;
    const [code, alarm, ...others] = await outcome(`https://treasury.example:${port}`);
    expect([code, others]).toEqual(["ERR_KEYS_UNREACHABLE", []]);
    expect(alarm).toMatch(/^ERR_KEYS_ADDRESS .*`allowPrivateIssuers: true`/);
    expect(requests).toBe(before);
  });

  test.each(EVER)("with the permission for private networks neither: %s", async (_n, addresses) => {
    resolving(addresses);
    const [code, alarm] = await outcome(`https://treasury.example:${port}`, true);
    expect(code).toBe("ERR_KEYS_UNREACHABLE");
    expect(alarm).toMatch(/^ERR_KEYS_ADDRESS /);
  });

  test("a name that is rebound: each time it is asked for, it is judged", async () => {
    resolving(["127.0.0.1"], ["169.254.169.254"]);
    const fetcher = issuerFetch(false);
    for (let at = 0; at < 2; at++)
      await expect(fetcher(`https://treasury.example:${port}${KEYS_PATH}`)).rejects.toMatchObject({
        code: "ERR_KEYS_ADDRESS",
      });
  });

  test("a name that is `localhost` in part", async () => {
    resolving(["127.0.0.1"]);
    for (const name of ["localhost.example", "a.localhost"])
      expect((await outcome(`https://${name}:${port}`))[1]).toMatch(/^ERR_KEYS_ADDRESS /);
  });
});

test.each(["127.0.0.1", "localhost"])("an issuer that is listed as %s is asked", async (host) => {
  expect(await outcome(`http://${host}:${port}`)).toEqual(["found"]);
});

test("without sockets, as in Workers with the modules of Node, the platform's fetch is used", async () => {
  vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
  const own = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response("its own"));
  const answer = await issuerFetch(false)(`https://treasury.example${KEYS_PATH}`);
  expect([await answer.text(), own.mock.calls.length]).toEqual(["its own", 1]);
  vi.unstubAllGlobals();
});
