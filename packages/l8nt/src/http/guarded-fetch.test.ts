import { execFile } from "node:child_process";
import dns from "node:dns";
import { once } from "node:events";
import http, { Agent, createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type LookupFunction,
} from "node:net";
import { promisify } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { CERT, KEY } from "../wallets/fixtures/tls.ts";
import { guardedFetch } from "./guarded-fetch.ts";
import { nodeFetch } from "./node-fetch.ts";

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
    ["192.168.0.1", "93.184.216.34"],
    ["2606:4700::1111", "fd12::1"],
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

describe("the address that is connected to has the last word [case 78]", () => {
  /** What reached a server, by bytes. */
  async function listening() {
    const state = { connections: 0, bytes: 0 };
    const tcp = createTcpServer((socket) => {
      state.connections++;
      socket
        .on("error", () => {})
        .on("data", (data) => {
          state.bytes += data.length;
        });
    }).listen(0, "127.0.0.1");
    await once(tcp, "listening");
    onTestFinished(() => void tcp.close());
    return { state, port: (tcp.address() as AddressInfo).port };
  }

  test.each(["http", "https"])(
    "nothing is written over %s to one that is refused",
    async (scheme) => {
      const { state, port } = await listening();
      const judged: string[] = [];
      // As with a resolver that is not asked: nothing was looked up, and nothing refused before.
      const fetcher = nodeFetch({
        isAllowed(address) {
          judged.push(address);
          return false;
        },
      });
      const url = `${scheme}://127.0.0.1:${port}/`;
      await expect(fetcher(url, { method: "POST", body: "secret" })).rejects.toThrow(/not public/);
      while (state.connections === 0) await new Promise(setImmediate);
      expect([judged, state.bytes]).toEqual([["127.0.0.1"], 0]);
    },
  );

  test("a connection that another part of the process has kept is not taken", async () => {
    const agent = new Agent({ keepAlive: true });
    const before = http.globalAgent;
    http.globalAgent = agent;
    onTestFinished(() => {
      http.globalAgent = before;
      agent.destroy();
    });
    const url = `http://localhost:${port}/`;
    await new Promise((done) => http.get(url, (answer) => answer.resume().once("end", done)));
    await new Promise(setImmediate);
    expect(Object.keys(agent.freeSockets)).toHaveLength(1);
    const seen = requests;
    await expect(guardedFetch()(url)).rejects.toThrow(/not public/);
    expect(requests).toBe(seen);
  });

  test("one that takes no connection is tried past, and the next one of the name is asked", async () => {
    resolvesTo(["127.0.0.9", "127.0.0.8", "127.0.0.1"]);
    const fetcher = guardedFetch({ allowLoopback: true });
    expect((await fetcher(`http://api.example:${port}/`)).status).toBe(200);
  });

  test("a certificate is for the name, and not for the address", async () => {
    const secure = createTlsServer({ key: KEY, cert: CERT }, (_, response) => response.end("tls"));
    secure.listen(0, "127.0.0.1");
    await once(secure, "listening");
    onTestFinished(() => void secure.close());
    const { port } = secure.address() as AddressInfo;
    const lookup: LookupFunction = (_name, options, done) =>
      options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
    const fetcher = nodeFetch({ ca: CERT, lookup, isAllowed: () => true });
    expect(await (await fetcher(`https://127.0.0.1:${port}/`)).text()).toBe("tls");
    await expect(fetcher(`https://api.example:${port}/`)).rejects.toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });
});

/** Whether an agent of this Node takes a proxy, also from the environment. */
const hasProxies = Number.parseInt(process.versions.node, 10) >= 24;

test.skipIf(hasProxies)("a proxy is refused by a Node that would ignore it", () => {
  expect(() => guardedFetch({ proxy: "http://proxy.example:3128" })).toThrow();
});

describe.skipIf(!hasProxies)("proxies", () => {
  /** A proxy that reaches this machine by any name, and says what it was asked for. */
  async function proxy() {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end("by the proxy");
    });
    server.on("connect", (request, socket) => {
      asked.push(`CONNECT ${request.url}`);
      const inner = connect(Number(request.url!.split(":")[1]), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(inner).pipe(socket);
      });
      inner.on("error", () => socket.destroy());
      socket.on("error", () => inner.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  const SCRIPT = `
    import http from "node:http";
    import { guardedFetch } from ${JSON.stringify(new URL("guarded-fetch.ts", import.meta.url).href)};
    for (const url of ["http://localhost/a", "https://localhost/b", "http://127.0.0.1/c"])
      await guardedFetch()(url).then(() => console.log("reached"), () => console.log("refused"));
    http.get("http://elsewhere.example/", (answer) => answer.pipe(process.stdout));
  `;

  test.each([
    ["NODE_USE_ENV_PROXY", { NODE_USE_ENV_PROXY: "1" }, []],
    ["--use-env-proxy", {}, ["--use-env-proxy"]],
  ])("of the environment, with %s, are not asked", async (_what, env, flags) => {
    const { asked, url } = await proxy();
    const names = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];
    const args = [...flags, "--conditions=l8nt-source", "--input-type=module", "-e", SCRIPT];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, ...env, ...Object.fromEntries(names.map((name) => [name, url])) },
    });
    expect(stdout).toBe("refused\nrefused\nrefused\nby the proxy");
    expect(asked).toEqual(["GET http://elsewhere.example/"]);
  });

  test("that are configured look names up, and plain requests go through them", async () => {
    const { asked, url } = await proxy();
    const resolver = resolvesTo(["10.0.0.1"]);
    const answer = await guardedFetch({ proxy: url })("http://api.example/forecast");
    expect(await answer.text()).toBe("by the proxy");
    expect([asked, resolver.asked()]).toEqual([["GET http://api.example/forecast"], 0]);
  });

  test("that are configured get no word of a request over TLS", async () => {
    const secure = createTlsServer({ key: KEY, cert: CERT }, (_, response) => response.end("tls"));
    secure.listen(0, "127.0.0.1");
    await once(secure, "listening");
    onTestFinished(() => void secure.close());
    const { asked, url } = await proxy();
    const at = `127.0.0.1:${(secure.address() as AddressInfo).port}`;
    const answer = await nodeFetch({ ca: CERT, proxy: url })(`https://${at}/forecast`);
    expect(await answer.text()).toBe("tls");
    expect(asked).toEqual([`CONNECT ${at}`]);
  });

  test.each([
    "http://10.0.0.1/",
    "https://[fd12::1]/",
    "http://169.254.169.254/latest",
    "http://localhost/",
    "http://api.localhost./",
  ])("that are configured are not asked for %s", async (address) => {
    const { asked, url } = await proxy();
    await expect(guardedFetch({ proxy: url })(address)).rejects.toEqual(unreachable);
    expect(asked).toEqual([]);
  });

  test.each(["proxy.example:3128", "socks5://proxy.example", "http://proxy.example/path", ""])(
    "%s is none",
    (proxy) => {
      expect(() => guardedFetch({ proxy })).toThrow(TypeError);
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
