import dns from "node:dns";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { guardedFetch } from "./guarded-fetch.ts";

let server: Server;
let port: number;
let requests = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    requests++;
    if (request.url === "/away")
      return void response.writeHead(302, { location: "http://10.0.0.1/" }).end();
    if (request.url === "/gzip")
      return void response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("sunny"));
    if (request.url === "/brotli")
      return void response
        .writeHead(200, { "content-encoding": "br" })
        .end(brotliCompressSync("sunny"));
    if (request.url === "/none") return void response.writeHead(204).end();
    request.pipe(response.writeHead(200, { "x-method": request.method }));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());
afterEach(() => vi.restoreAllMocks());

/** What the resolver answers, in turn; the last answer stays. */
function resolvesTo(...answers: readonly (readonly string[])[]): { readonly asked: () => number } {
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
  return { asked: () => asked };
}

const unreachable = expect.objectContaining({ code: "ERR_SERVICE_UNREACHABLE" });

describe("addresses that are not public are not reached [case 78]", () => {
  test.each([
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0x7f000001/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[fc00::1]/",
    "http://[fd12::1]/",
    "http://[fe80::1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[::127.0.0.1]/",
    "http://[ff02::1]/",
  ])("%s", async (url) => {
    await expect(guardedFetch()(url)).rejects.toEqual(unreachable);
  });

  test.each([
    ["127.0.0.1"],
    ["::1"],
    ["10.1.2.3"],
    ["::ffff:127.0.0.1"],
    ["93.184.216.34", "192.168.0.1"],
  ])("a name that leads to %s", async (...addresses) => {
    resolvesTo(addresses as string[]);
    const before = requests;
    await expect(guardedFetch()(`http://api.example:${port}/`)).rejects.toThrow(/not public/);
    expect(requests).toBe(before);
  });

  test("a name that is rebound after the check: it is looked up once, and what was checked is connected to", async () => {
    const resolver = resolvesTo(["127.0.0.1"], ["10.0.0.1"]);
    const response = await guardedFetch({ allowLoopback: true })(`http://api.example:${port}/`);
    expect(response.status).toBe(200);
    expect(resolver.asked()).toBe(1);
  });

  test("loopback, where it is allowed, opens nothing else", async () => {
    const fetcher = guardedFetch({ allowLoopback: true });
    expect((await fetcher(`http://127.0.0.1:${port}/`)).status).toBe(200);
    for (const url of ["http://10.0.0.1/", "http://169.254.169.254/", "http://[fe80::1]/"])
      await expect(fetcher(url)).rejects.toEqual(unreachable);
  });

  test.each(["file:///etc/passwd", "ftp://example.com/", "data:text/plain,x"])(
    "%s is no web address",
    async (url) => {
      await expect(guardedFetch()(url)).rejects.toEqual(unreachable);
    },
  );
});

describe("otherwise it is fetch", () => {
  const fetcher = guardedFetch({ allowLoopback: true });
  const at = (path: string) => `http://127.0.0.1:${port}${path}`;

  test("with a method and a body", async () => {
    const response = await fetcher(at("/"), { method: "POST", body: "tokyo" });
    expect(response.headers.get("x-method")).toBe("POST");
    expect(await response.text()).toBe("tokyo");
  });

  test("that follows no redirect", async () => {
    const response = await fetcher(at("/away"));
    expect([response.status, response.headers.get("location")]).toEqual([302, "http://10.0.0.1/"]);
  });

  test("that decodes what it must, and knows an empty answer", async () => {
    expect(await (await fetcher(at("/gzip"))).text()).toBe("sunny");
    expect(await (await fetcher(at("/brotli"))).text()).toBe("sunny");
    expect((await fetcher(at("/none"))).body).toBeNull();
    expect((await fetcher(at("/"), { method: "HEAD" })).body).toBeNull();
  });

  test("that can be aborted", async () => {
    await expect(fetcher(at("/"), { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
