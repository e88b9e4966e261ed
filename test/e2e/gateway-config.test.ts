/** `sigil gateway --config`: read again at SIGHUP, and explained by `check`. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { freePort } from "./support/free-port.ts";
import { answers, openGateway, openVendor } from "./support/gateway.ts";
import { sigil } from "./support/sigil.ts";

const KEYS = ["sk-vendor-CANARY-one", "sk-vendor-CANARY-two"] as const;

async function stage() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-gateway-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const vendor = await openVendor(answers("{}"));
  const port = await freePort();
  const file = join(folder, "sigil.yaml");
  const keyFile = join(folder, "vendor.key");
  const writeKey = (key: string) => writeFileSync(keyFile, `${key}\n`, { mode: 0o600 });
  const write = (routes: string) =>
    writeFileSync(
      file,
      `listen: { port: ${port} }
dir: books
services:
  api:
    preset: generic
    upstream: ${vendor.origin}
    keys: ["file:${keyFile}"]
    routes:
${routes}
`,
    );
  writeKey(KEYS[0]);
  write("      - { match: GET /a, price: free }");
  return { folder, vendor, port, file, write, writeKey };
}

test("SIGHUP under load drops no request, and those under way keep the key that they have", async () => {
  const { vendor, file, write, writeKey } = await stage();
  const gateway = await openGateway(["--config", file], {});
  const get = (path: string) =>
    fetch(gateway.url + path, { headers: { authorization: `Bearer ${gateway.key}` } });
  const streams: ServerResponse[] = [];
  vendor.play(({ url }, answer) => {
    if (url !== "/a?stream") return void answer.end("{}");
    streams.push(answer);
    answer.write("first ");
  });
  const stream = await get("/a?stream");
  let isOver = false;
  let served = 0;
  const failures: unknown[] = [];
  const load = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!isOver)
        try {
          const response = await get("/a");
          await response.text();
          if (response.status === 200) served++;
          else failures.push(response.status);
        } catch (error) {
          failures.push(error);
        }
    }),
  );
  const reloaded = () => gateway.printed().split('read again"').length - 1;
  expect((await get("/b")).status).toBe(403);
  writeKey(KEYS[1]);
  for (let turn = 1; turn <= 5; turn++) {
    write("      - { match: GET /a, price: free }\n      - { match: GET /b, price: free }");
    gateway.child.kill("SIGHUP");
    await expect.poll(reloaded, { timeout: 20_000 }).toBe(turn);
  }
  expect((await get("/b")).status).toBe(200);
  // A bad file changes nothing, and the log says why.
  write("      - { match: GET /a, prise: free }");
  gateway.child.kill("SIGHUP");
  await expect
    .poll(() => gateway.printed(), { timeout: 20_000 })
    .toContain(
      "services.api.routes[0].prise is not a key of the configuration. Did you mean price?",
    );
  expect((await get("/b")).status).toBe(200);
  isOver = true;
  await load;
  expect(failures).toEqual([]);
  expect(served).toBeGreaterThan(50);
  streams[0]!.end("last");
  expect(await stream.text()).toBe("first last");
  const used = [...new Set(vendor.seen.map(({ authorization }) => authorization))];
  expect(used).toEqual(KEYS.map((key) => `Bearer ${key}`));
  expect(vendor.seen.at(-1)!.authorization).toBe(`Bearer ${KEYS[1]}`);
  // The last request of the first version has ended: nothing uses the first key any more.
  await expect
    .poll(() => gateway.printed().split("configuration before has ended").length - 1)
    .toBe(5);
  expect(await gateway.end("SIGTERM")).toBe(0);
  expect(gateway.printed()).not.toContain("CANARY");
}, 120_000);

test("SIGHUP opens a path to WebSockets, and closes it to new ones", async () => {
  const { file, write, vendor } = await stage();
  const server = new WebSocketServer({ noServer: true });
  vendor.server.on("upgrade", (incoming, socket, head) =>
    server.handleUpgrade(incoming, socket, head, (opened) =>
      opened.on("message", (data: Buffer) => opened.send(data.toString())),
    ),
  );
  const routes = "      - { match: GET /b, price: free }";
  const sockets = "    webSockets:\n      - { path: /ws, perMinute: 0.01 usd }";
  // Something has a price, so that the key has a budget.
  const priced = `${routes}\n      - { match: GET /c, price: 0.01 usd }`;
  write(priced);
  const gateway = await openGateway(["--config", file], {});
  const read = async (text: string, times: number) => {
    write(text);
    gateway.child.kill("SIGHUP");
    await expect
      .poll(() => gateway.printed().split('read again"').length - 1, { timeout: 20_000 })
      .toBe(times);
  };
  const headers = { authorization: `Bearer ${gateway.key}` };
  const ask = (): WebSocket =>
    new WebSocket(`${gateway.url.replace("http", "ws")}/ws`, [], { headers }).on("error", () => {});
  const statusOf = async (refused: WebSocket): Promise<number> =>
    (await once(refused, "unexpected-response"))[1].statusCode;
  expect(await statusOf(ask())).toBe(403);
  await read(`${priced}\n${sockets}`, 1);
  const opened = ask();
  await once(opened, "open");
  await read(priced, 2);
  expect(await statusOf(ask())).toBe(403);
  const said = once(opened, "message");
  opened.send("still here");
  expect(String((await said)[0])).toBe("still here");
  opened.close();
  await once(opened, "close");
  expect(await gateway.end("SIGTERM")).toBe(0);
}, 120_000);

test("SIGHUP refuses what only a start can change, and stays as it was", async () => {
  const { file, write, vendor, port } = await stage();
  const gateway = await openGateway(["--config", file], {});
  write("      - { match: GET /b, price: free }\nlogLevel: debug");
  gateway.child.kill("SIGHUP");
  await expect
    .poll(() => gateway.printed(), { timeout: 20_000 })
    .toContain("logLevel: start it again to change that.");
  const response = await fetch(`http://127.0.0.1:${port}/a`, {
    headers: { authorization: `Bearer ${gateway.key}` },
  });
  expect(response.status).toBe(200);
  expect(vendor.seen.length).toBe(1);
});

test("SIGHUP reads the certificate and its key again, and keeps them if they are no pair", async () => {
  const { folder, file, port } = await stage();
  const [cert, key] = [join(folder, "tls.pem"), join(folder, "tls.key")];
  const certify = (name: string) => {
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ...["-days", "2", "-subj", `/CN=${name}`, "-keyout", key, "-out", cert],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    return readFileSync(key);
  };
  const served = () =>
    new Promise<unknown>((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().subject.CN);
        socket.destroy();
      }).on("error", reject);
    });
  const first = certify("one.example");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace(
      `port: ${port}`,
      `port: ${port}, tlsCert: tls.pem, tlsKey: tls.key`,
    ),
  );
  const gateway = await openGateway(["--config", file], {});
  expect(await served()).toBe("one.example");
  const second = certify("two.example");
  gateway.child.kill("SIGHUP");
  await expect.poll(served, { timeout: 20_000 }).toBe("two.example");
  writeFileSync(key, first);
  gateway.child.kill("SIGHUP");
  await expect.poll(gateway.printed, { timeout: 20_000 }).toContain("--tls-key is not that of");
  expect(await served()).toBe("two.example");
  expect(gateway.printed()).not.toContain(second.toString().split("\n")[1]);
});

describe("check", () => {
  test("shows each route in 80 columns, whether the keys are there, and what is strange", async () => {
    const { file, write, folder, vendor, port } = await stage();
    write(
      [
        "      - { match: GET /v1/models, access: free }",
        "      - { match: 'GET|POST /v1/**', price: 0.01 usd, capability: audio }",
        "      - { match: POST /v1/chat/completions/and/a/very/long/path/below, price: free }",
        "      - { match: GET /c }",
      ].join("\n"),
    );
    const { code, stdout } = await sigil(["gateway", "check", "--config", file], {});
    expect(code).toBe(0);
    // Whether the prices are old depends on the day.
    const [text = ""] = stdout.split("Warning: prices.yaml");
    expect(text).toBe(`The gateway is at http://127.0.0.1:${port}.

api: preset generic, at /, to ${vendor.origin}
  key file:${join(folder, "vendor.key")} is used
  GET /v1/models                      free, without a key
  GET|POST /v1/**                     credential, 0.01 usd, audio
  POST /v1/chat/completions/and/a/very/long/path/below
                                      credential, free, call
  GET /c                              credential, denied: no price, call

Prices: prices.yaml of ${/prices\.yaml of (\S+)/.exec(text)![1]}
Warning: api: POST /v1/chat/completions/and/a/very/long/path/below is never
  reached: GET|POST /v1/** stands before it. Put it first, or take it out.
Warning: api: GET /c has no price, so all of it is denied. Write price: free,
  or an amount.
`);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("says what becomes of a request, by its exit code too", async () => {
    const { file } = await stage();
    const ask = (...request: string[]) =>
      sigil(["gateway", "check", "--config", file, ...request], {});
    expect(await ask("GET", "/a")).toMatchObject({
      code: 0,
      stdout:
        "api, by services.api.routes[0].\nIt needs a credential with the capability call.\nIt costs nothing.\n",
    });
    expect(await ask("POST", "/a")).toMatchObject({
      code: 1,
      stdout: "Denied: 403 route_not_listed.\nNo route of api lists it.\n",
    });
    expect(await ask("get", "/a")).toMatchObject({ code: 2 });
  });

  test("fails for a key that is not there, and shows none", async () => {
    const { file, folder } = await stage();
    rmSync(join(folder, "vendor.key"));
    const { code, stdout } = await sigil(["gateway", "check", "--config", file], {});
    expect(code).toBe(1);
    expect(stdout).toContain("Error: services.api.keys[0]: the file that it names cannot be read");
    expect(stdout).not.toContain("CANARY");
  });
});
