/**
 * The key page of an issuer over TLS, with an authority of the test: what is taken, and what is
 * refused with which code. spec/9-public-key.md §6.
 */
import { once } from "node:events";
import {
  createServer as createPlain,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, createServer as createTcp } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { RevocationList } from "../../packages/l8nt/src/credential/index.ts";
import type { Sleep } from "../../packages/l8nt/src/ports/clock.ts";
import { IssuerDirectory } from "../../packages/l8nt/src/public-key/directory.ts";
import { BiscuitVerifier, Minter } from "../../packages/l8nt/src/public-key/index.ts";
import { KEYS_PATH, writeKeyPage } from "../../packages/l8nt/src/public-key/key-page.ts";
import { Paywall } from "../../packages/l8nt/src/service/index.ts";
import { CertificateAuthority, type Pair } from "./support/certificates.ts";

const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } } as const;
const HERE = ["DNS:localhost", "IP:127.0.0.1"];
const NOW = 1_800_000_000;
const scope = { endpoints: ["GET https://api.example/**"], expiresIn: "90d" } as const;

let authority: CertificateAuthority;
let stranger: CertificateAuthority;
const before = getCACertificates("default");
beforeAll(() => {
  authority = new CertificateAuthority();
  stranger = new CertificateAuthority("Authority of a stranger");
  // What NODE_EXTRA_CA_CERTS does at the start of a process.
  setDefaultCACertificates([...before, authority.certificate]);
});
afterAll(() => {
  setDefaultCACertificates(before);
  authority[Symbol.dispose]();
  stranger[Symbol.dispose]();
});

const KINDS: Readonly<Record<string, () => Pair>> = {
  valid: () => authority.signs({ names: HERE }),
  "self-signed": () => authority.selfSigned(HERE),
  "of an authority that is not trusted": () => stranger.signs({ names: HERE }),
  "that has expired": () =>
    authority.signs({ names: HERE, from: "20200101000000Z", until: "20210101000000Z" }),
  "that is not valid yet": () =>
    authority.signs({ names: HERE, from: "21200101000000Z", until: "21210101000000Z" }),
  "for another name": () => authority.signs({ names: ["DNS:treasury.example"] }),
  "for the name alone, at its address": () => authority.signs({ names: ["DNS:localhost"] }),
};
const made = new Map<string, Pair>();
/** Each is made once: OpenSSL takes its time. */
function certificate(kind: string): Pair {
  const pair = made.get(kind) ?? KINDS[kind]!();
  made.set(kind, pair);
  return pair;
}

/** Resolves with its port, on this machine. It ends with its test. */
async function listening(server: Server | ReturnType<typeof createTcp>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An issuer over TLS. What it serves can be changed. */
async function open(pair: Pair = certificate("valid"), host = "localhost") {
  const at: { serve: RequestListener } = { serve: (_, response) => void response.end() };
  const asked: string[] = [];
  const server = createServer(pair, (request, response) => {
    asked.push(request.url!);
    at.serve(request, response);
  });
  const issuer = `https://${host}:${await listening(server)}`;
  return { at, asked, issuer };
}

const minterOf = (issuer: string, keyId = 1) =>
  new Minter({
    privateKey: `${keyId}${keyId}`.repeat(32).slice(0, 64),
    issuer,
    keyId,
    clock: () => NOW,
  });
const keyOf = ({ keyId, publicKey }: Minter) => ({ keyId, publicKey: new Uint8Array(publicKey) });
const pageOf = (issuer: string, ...keyIds: readonly number[]): string =>
  writeKeyPage(
    issuer,
    keyIds.map((keyId) => keyOf(minterOf(issuer, keyId))),
  );
const JSON_TYPE = { "content-type": "application/json" } as const;
const serving =
  (
    text: string | Uint8Array,
    headers: Readonly<Record<string, string>> = JSON_TYPE,
    status = 200,
  ): RequestListener =>
  (_, response) =>
    void response.writeHead(status, headers).end(text);

/** Times out when the test says so. */
function handSleep() {
  const at: { late: () => void } = { late: () => {} };
  const sleep: Sleep = (_, signal) =>
    new Promise((resolve) => {
      at.late = resolve;
      signal?.addEventListener("abort", () => resolve());
    });
  return { at, sleep };
}

/** What comes of a credential at a verifier that trusts the issuer. */
function verifying(
  issuer: string,
  options: { readonly time?: { now: number }; readonly sleep?: Sleep } = {},
) {
  const { time = { now: NOW }, sleep } = options;
  const alarms: string[] = [];
  const keys = new IssuerDirectory({
    issuers: [issuer],
    clock: () => time.now,
    alarm: (_, cause) =>
      alarms.push(`${(cause as { code?: string }).code}: ${(cause as Error).message}`),
    ...(sleep !== undefined && { sleep }),
  });
  const verifier = new BiscuitVerifier({ keys, revocations: new RevocationList() });
  const verdict = async (credential: { toString(): string }): Promise<string> => {
    const text = credential.toString();
    await verifier.prepare(text);
    try {
      verifier.authenticate(text);
      return "granted";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { verdict, alarms, time };
}

describe("over TLS", () => {
  test.each<[string, string, string]>([
    ["valid", "localhost", "granted"],
    ["valid", "127.0.0.1", "granted"],
    ["self-signed", "localhost", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["of an authority that is not trusted", "localhost", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["that has expired", "localhost", "CERT_HAS_EXPIRED"],
    ["that is not valid yet", "localhost", "CERT_NOT_YET_VALID"],
    ["for another name", "localhost", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["for the name alone, at its address", "127.0.0.1", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ])("a certificate %s, at %s: %s", async (kind, host, expected) => {
    const { at, asked, issuer } = await open(certificate(kind), host);
    at.serve = serving(pageOf(issuer, 1));
    const { verdict, alarms } = verifying(issuer);
    const isGranted = expected === "granted";
    expect(await verdict(minterOf(issuer).mint(scope))).toBe(
      isGranted ? "granted" : "ERR_KEYS_UNREACHABLE",
    );
    expect(alarms).toEqual(
      isGranted
        ? []
        : [`ERR_KEYS_UNREACHABLE: The key page of ${issuer} cannot be had (${expected}).`],
    );
    expect(asked).toEqual(isGranted ? [KEYS_PATH] : []);
  });

  test("plain HTTP where TLS is asked for", async () => {
    const port = await listening(createPlain(serving("[]")));
    const { verdict, alarms } = verifying(`https://localhost:${port}`);
    expect(await verdict(minterOf(`https://localhost:${port}`).mint(scope))).toBe(
      "ERR_KEYS_UNREACHABLE",
    );
    expect(alarms).toEqual([
      expect.stringMatching(/^ERR_KEYS_UNREACHABLE: .*\((?:ERR_SSL_\w+|EPROTO)\)/),
    ]);
  });

  test("nothing listens", async () => {
    const gone = createTcp();
    gone.listen(0, "127.0.0.1");
    await once(gone, "listening");
    const issuer = `https://localhost:${(gone.address() as AddressInfo).port}`;
    gone.close();
    await once(gone, "close");
    const { verdict, alarms } = verifying(issuer);
    expect(await verdict(minterOf(issuer).mint(scope))).toBe("ERR_KEYS_UNREACHABLE");
    expect(alarms).toEqual([expect.stringContaining("ECONNREFUSED")]);
  });

  test.each([
    "http://treasury.example",
    "http://10.0.0.1",
    "http://[fd00::1]",
    "http://169.254.169.254",
  ])("%s cannot be trusted", (issuer) => {
    expect(() => verifying(issuer)).toThrow(/must be an https origin/);
  });
});

describe("a page", () => {
  const [one] = JSON.parse(pageOf("https://localhost", 1)) as [Record<string, unknown>];
  const keys = (count: number, issuer: string): string =>
    JSON.stringify(Array.from({ length: count }, (_, key_id) => ({ ...one, key_id, issuer })));

  test.each<[string, string, (issuer: string) => RequestListener]>([
    ["of 65,536 bytes", "granted", (issuer) => serving(pageOf(issuer, 1).padEnd(65_536))],
    ["of 65,537 bytes", "TOO_LARGE", (issuer) => serving(pageOf(issuer, 1).padEnd(65_537))],
    [
      "of 65,537 bytes in chunks",
      "TOO_LARGE",
      (issuer) => (_, response) => {
        response.writeHead(200, JSON_TYPE);
        response.write(pageOf(issuer, 1));
        response.end(" ".repeat(65_537 - pageOf(issuer, 1).length));
      },
    ],
    ["of 64 keys", "granted", (issuer) => serving(keys(64, issuer))],
    ["of 65 keys", "TOO_LARGE", (issuer) => serving(keys(65, issuer))],
    [
      "in gzip, whatever was asked for",
      "granted",
      (issuer) =>
        serving(gzipSync(pageOf(issuer, 1)), { ...JSON_TYPE, "content-encoding": "gzip" }),
    ],
    [
      "that is 64 MiB out of gzip",
      "TOO_LARGE",
      (issuer) =>
        serving(gzipSync(pageOf(issuer, 1).padEnd(64 << 20)), {
          ...JSON_TYPE,
          "content-encoding": "gzip",
        }),
    ],
    [
      "that is 64 MiB out of Brotli",
      "TOO_LARGE",
      (issuer) =>
        serving(brotliCompressSync(pageOf(issuer, 1).padEnd(64 << 20), QUICK), {
          ...JSON_TYPE,
          "content-encoding": "br",
        }),
    ],
    [
      "in no coding that it says",
      "UNREACHABLE",
      (issuer) => serving(pageOf(issuer, 1), { ...JSON_TYPE, "content-encoding": "gzip" }),
    ],
    // As web servers say of a file without an ending: what is no list in JSON is refused anyway.
    [
      "as application/octet-stream",
      "granted",
      (issuer) => serving(pageOf(issuer, 1), { "content-type": "application/octet-stream" }),
    ],
    ["without a type", "granted", (issuer) => serving(pageOf(issuer, 1), {})],
    [
      "that is HTML",
      "MALFORMED",
      () => serving("<!doctype html>", { "content-type": "text/html" }),
    ],
    ["of another issuer", "ISSUER", () => serving(pageOf("https://o.example", 1))],
    [
      "of this issuer and another one",
      "granted",
      (issuer) =>
        serving(
          JSON.stringify([
            ...JSON.parse(pageOf("https://o.example", 1, 2)),
            ...JSON.parse(pageOf(issuer, 1)),
          ]),
        ),
    ],
    ["that is an error page", "STATUS", (issuer) => serving(pageOf(issuer, 1), JSON_TYPE, 500)],
    [
      "that breaks off",
      "UNREACHABLE",
      (issuer) => (_, response) => {
        response.writeHead(200, { ...JSON_TYPE, "content-length": 10_000 });
        response.write(pageOf(issuer, 1), () => response.destroy());
      },
    ],
    [
      "that is a connection's end",
      "UNREACHABLE",
      () =>
        ({ socket }) =>
          void socket.destroy(),
    ],
  ])("%s: %s", async (_name, expected, serve) => {
    const { at, issuer } = await open();
    at.serve = serve(issuer);
    const { verdict, alarms } = verifying(issuer);
    const isGranted = expected === "granted";
    expect(await verdict(minterOf(issuer).mint(scope))).toBe(
      isGranted ? "granted" : "ERR_KEYS_UNREACHABLE",
    );
    expect(alarms.map((line) => line.split(":")[0])).toEqual(
      isGranted ? [] : [`ERR_KEYS_${expected}`],
    );
  });

  test.each([301, 302, 303, 307, 308])("that is a redirect of %d leads nowhere", async (status) => {
    const { at, asked, issuer } = await open();
    const away = await open();
    away.at.serve = serving(pageOf(issuer, 1));
    at.serve = serving("", { location: away.issuer + KEYS_PATH }, status);
    const { verdict, alarms } = verifying(issuer);
    expect(await verdict(minterOf(issuer).mint(scope))).toBe("ERR_KEYS_UNREACHABLE");
    expect(alarms).toEqual([expect.stringMatching(/^ERR_KEYS_REDIRECT:/)]);
    expect([asked, away.asked]).toEqual([[KEYS_PATH], []]);
  });
});

describe("a slow issuer is given up, and its connection ended", () => {
  /** Resolves once the server has been asked, and once its connection is closed. */
  const watched = (server: Server | ReturnType<typeof createTcp>) => ({
    closed: new Promise<void>((done) =>
      server.on("connection", (socket) => socket.on("error", () => {}).once("close", () => done())),
    ),
  });

  test("that says a byte now and then", async () => {
    const { at, issuer } = await open();
    const begun = new Promise<ServerResponse>((done) => {
      at.serve = (_, response) => {
        response.writeHead(200, JSON_TYPE).write(" ", () => done(response));
      };
    });
    const { at: clock, sleep } = handSleep();
    const { verdict, alarms } = verifying(issuer, { sleep });
    const judged = verdict(minterOf(issuer).mint(scope));
    const response = await begun;
    const closed = once(response, "close");
    clock.late();
    expect(await judged).toBe("ERR_KEYS_UNREACHABLE");
    expect(alarms).toEqual([expect.stringMatching(/^ERR_KEYS_SLOW:/)]);
    await closed;
  });

  test("that takes the connection and begins no TLS", async () => {
    const server = createTcp();
    const { closed } = watched(server);
    const connected = once(server, "connection");
    const issuer = `https://localhost:${await listening(server)}`;
    const { at: clock, sleep } = handSleep();
    const { verdict, alarms } = verifying(issuer, { sleep });
    const judged = verdict(minterOf(issuer).mint(scope));
    const [socket] = await connected;
    socket.resume();
    clock.late();
    expect(await judged).toBe("ERR_KEYS_UNREACHABLE");
    expect(alarms).toEqual([expect.stringMatching(/^ERR_KEYS_SLOW:/)]);
    await closed;
  });
});

describe("a paywall over TLS", () => {
  const location = "https://api.example";
  const opened = async (time = { now: NOW }) => {
    const site = await open();
    site.at.serve = serving(pageOf(site.issuer, 1));
    const alarms: string[] = [];
    const paywall = new Paywall({
      location,
      trust: [site.issuer],
      clock: () => time.now,
      alarm: (_, cause) => alarms.push((cause as { code: string }).code),
    });
    const codeOf = async (credential: { toString(): string }): Promise<string> => {
      const decision = await paywall.authorize(
        new Request(`${location}/a`, { headers: { authorization: `L402 ${credential}` } }),
      );
      if (decision.granted) {
        await decision.finish(200);
        return "granted";
      }
      return ((await decision.response.json()) as { code: string }).code;
    };
    return { ...site, time, alarms, codeOf };
  };

  test("keeps the last good page for a day, and then no key", async () => {
    const { at, issuer, time, codeOf, alarms } = await opened();
    const credential = minterOf(issuer).mint(scope);
    expect(await codeOf(credential)).toBe("granted");
    at.serve = serving(pageOf("https://o.example", 1));
    time.now += 300;
    // Waits for the page, because its key is not on the kept one.
    expect(await codeOf(minterOf(issuer, 2).mint(scope))).toBe("ERR_TOKEN_KEY");
    expect(await codeOf(credential)).toBe("granted");
    at.serve = serving("", {}, 503);
    time.now += 86_399;
    expect(await codeOf(credential)).toBe("granted");
    time.now += 1;
    expect(await codeOf(credential)).toBe("ERR_KEYS_UNREACHABLE");
    time.now += 30;
    at.serve = serving(pageOf(issuer, 1));
    expect(await codeOf(credential)).toBe("granted");
    expect(new Set(alarms)).toEqual(new Set(["ERR_KEYS_ISSUER", "ERR_KEYS_STATUS"]));
  });

  test("rotates without a refusal under 300 requests at once, and ends a key that vanished", async () => {
    const { at, asked, issuer, time, codeOf, alarms } = await opened();
    const [old, next] = [minterOf(issuer, 1), minterOf(issuer, 2)];
    expect(await codeOf(old.mint(scope))).toBe("granted");
    at.serve = serving(pageOf(issuer, 1, 2));
    time.now += 30;
    const verdicts = await Promise.all(
      Array.from({ length: 300 }, (_, at) => codeOf((at % 2 === 0 ? old : next).mint(scope))),
    );
    expect(new Set(verdicts)).toEqual(new Set(["granted"]));
    expect(asked).toHaveLength(2);
    at.serve = serving(pageOf(issuer, 2));
    time.now += 30;
    expect(await codeOf(minterOf(issuer, 3).mint(scope))).toBe("ERR_TOKEN_KEY");
    expect([await codeOf(old.mint(scope)), await codeOf(next.mint(scope))]).toEqual([
      "ERR_TOKEN_KEY",
      "granted",
    ]);
    expect([asked.length, alarms]).toEqual([3, []]);
  });

  test("asks once for 1,000 tokens with ids of their own, within 30 seconds", async () => {
    const { asked, issuer, time, codeOf } = await opened();
    const unknown = (keyId: number) =>
      codeOf(
        new Minter({ privateKey: "99".repeat(32), issuer, keyId, clock: () => NOW }).mint(scope),
      );
    for (const [from, seconds] of [
      [1000, 0],
      [2000, 29],
    ] as const) {
      time.now = NOW + seconds;
      const verdicts = await Promise.all(
        Array.from({ length: 500 }, (_, at) => unknown(from + at)),
      );
      expect(new Set(verdicts)).toEqual(new Set(["ERR_TOKEN_KEY"]));
    }
    expect(asked).toHaveLength(1);
  });

  // The clocks of the issuer and the minter are at NOW.
  test.each([-600, -300, -60, 0, 60, 300, 600])(
    "whose clock is off by %d seconds: what it lets in ends by its clock, and pages are kept as long",
    async (off) => {
      const { at, asked, issuer, time, codeOf } = await opened({ now: NOW + off });
      const minter = minterOf(issuer);
      const hour = { ...scope, expiresIn: "1h" } as const;
      const credential = minter.mint(hour);
      expect(await codeOf(credential)).toBe("granted");
      at.serve = serving(writeKeyPage(issuer, [{ ...keyOf(minter), expiresAt: NOW + 1800 }]));
      time.now += 299;
      expect(await codeOf(credential)).toBe("granted");
      expect(asked).toHaveLength(1);
      time.now += 31;
      await codeOf(minterOf(issuer, 2).mint(hour));
      expect(asked).toHaveLength(2);
      time.now = NOW + 1799;
      expect(await codeOf(credential)).toBe("granted");
      time.now += 1;
      expect(await codeOf(credential)).toBe("ERR_TOKEN_KEY");
    },
  );

  test.each([
    ["ahead", 600],
    ["behind", -600],
  ])("whose clock is %s and is set right: nothing is refused meanwhile", async (_name, off) => {
    const { issuer, time, codeOf, alarms, asked } = await opened({ now: NOW + off });
    const credential = minterOf(issuer).mint(scope);
    expect(await codeOf(credential)).toBe("granted");
    time.now = NOW;
    for (let minute = 0; minute < 20; minute++) {
      expect(await codeOf(credential)).toBe("granted");
      time.now += 60;
    }
    expect(alarms).toEqual([]);
    expect(asked.length).toBeGreaterThan(1);
  });
});
