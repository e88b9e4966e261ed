/**
 * Credentials of the public-key form in one function, for any runtime: mint, narrow, seal, verify
 * by a key page that is fetched, and present to a service. It needs nothing but `fetch` to
 * loopback. spec/9-public-key.md.
 */
import { Client, Credential } from "l8nt";
import { issuedOf, Minter, seal } from "l8nt/biscuit";
import { HolderKey } from "l8nt/holder";
import { Paywall } from "l8nt/service";
import type { Served } from "./town.ts";

/** Where everything is; `openTown` of town.ts has it open. */
export interface Town {
  /** Opens an issuer's site at each POST, and answers with its origin. */
  readonly opener: string;
  /** A service that trusts `issuer`, on Node. */
  readonly service: string;
  readonly issuer: string;
  /** The private key of `issuer`, 64 hex digits, with the number 1. */
  readonly privateKey: string;
  /** The time of the service, in Unix seconds. */
  readonly now: number;
}

const location = "https://api.example";
const scope = { endpoints: [`GET ${location}/**`], expiresIn: "90d" } as const;

function same(what: string, found: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what}: ${one}, not ${other}`);
}

const keyText = (keyId: number): string => keyId.toString(16).padStart(2, "0").repeat(32);
const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The site of an issuer, which serves what it is told to. */
class Site {
  readonly issuer: string;
  readonly #now: number;

  private constructor(issuer: string, now: number) {
    this.issuer = issuer;
    this.#now = now;
  }

  static async open({ opener, now }: Town): Promise<Site> {
    return new Site(await (await fetch(opener, { method: "POST" })).text(), now);
  }

  minter(keyId: number): Minter {
    const { issuer } = this;
    const privateKey = keyText(keyId);
    return new Minter({ privateKey, issuer, keyId, location, clock: () => this.#now });
  }

  serves(served: Served): Promise<unknown> {
    return fetch(`${this.issuer}/serve`, { method: "POST", body: JSON.stringify(served) });
  }

  /** Publishes keys by their numbers, as page 9 §6 writes them. */
  publishes(
    keyIds: readonly number[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const page = keyIds.map((keyId) => ({
      algorithm: "ed25519",
      key_bytes: hex(this.minter(keyId).publicKey),
      key_id: keyId,
      issuer: this.issuer,
      ...more,
    }));
    return this.serves({ body: JSON.stringify(page) });
  }

  /** How often its page was asked for. */
  async asked(): Promise<number> {
    return Number(await (await fetch(`${this.issuer}/asked`)).text());
  }
}

/** A paywall of this runtime that trusts the site, with a clock of its own. */
function verifying(issuer: string, now: number, at = location) {
  const time = { now };
  const alarms: string[] = [];
  const paywall = new Paywall({
    location: at,
    trust: [issuer],
    clock: () => time.now,
    alarm: (_, cause) => alarms.push(String((cause as { code?: string }).code)),
  });
  const judge = async (request: Request): Promise<string> => {
    const decision = await paywall.authorize(request);
    if (!decision.granted) return ((await decision.response.json()) as { code: string }).code;
    await decision.finish(200);
    return "granted";
  };
  const present = (credential: Credential | string, path = "/a"): Promise<string> =>
    judge(new Request(at + path, { headers: { authorization: `L402 ${credential}` } }));
  return { time, alarms, judge, present };
}

/** A signature with one bit flipped, at the place of the token where it stands. */
function withWrongSignature(credential: Credential): string {
  const [token = "", preimage] = credential.toString().split(":");
  const bytes = Uint8Array.from(atob(token), (letter) => letter.charCodeAt(0));
  // The last bytes of a sealed token are its seal.
  bytes[bytes.length - 1]! ^= 1;
  return `${btoa(String.fromCharCode(...bytes))}:${preimage}`;
}

/** Runs every check and returns their names. Throws at the first that fails. */
export async function publicKeys(town: Town): Promise<string[]> {
  const { now } = town;
  const passed: string[] = [];
  const check = async (name: string, body: () => Promise<void>): Promise<void> => {
    try {
      await body();
    } catch (cause) {
      throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
    passed.push(name);
  };

  await check(
    "mint, narrow, delegate and seal: verified by the page that was fetched once",
    async () => {
      const site = await Site.open(town);
      await site.publishes([1]);
      const { present, alarms } = verifying(site.issuer, now);
      const minted = site.minter(1).mint(scope);
      const child = minted.delegate({ agent: "a", endpoints: [`GET ${location}/a`] });
      for (const one of [minted, child, seal(child), Credential.parse(minted.toKey()), child])
        same("it is let in", await present(one), "granted");
      same("the child elsewhere", await present(child, "/b"), "ERR_ENDPOINT");
      same("its parent there", await present(minted, "/b"), "granted");
      same("requests for the page, and alarms", [await site.asked(), alarms], [1, []]);
      let code: unknown;
      try {
        seal(child).attenuate({ endpoints: [] });
      } catch (error) {
        code = (error as { code?: string }).code;
      }
      same("appending to a sealed one", code, "ERR_TOKEN_SEALED");
    },
  );

  await check("rotation: a new key is looked up, one that vanished verifies nothing", async () => {
    const site = await Site.open(town);
    await site.publishes([1]);
    const { time, present } = verifying(site.issuer, now);
    const [old, next] = [site.minter(1).mint(scope), site.minter(2).mint(scope)];
    same("the old key", await present(old), "granted");
    await site.publishes([1, 2]);
    time.now += 30;
    const both = await Promise.all([present(next), present(old), present(next), present(old)]);
    same("both keys at once", both, Array(4).fill("granted"));
    await site.publishes([2]);
    time.now += 30;
    const unknown = site.minter(3).mint(scope);
    const codes = await Promise.all(Array.from({ length: 20 }, () => present(unknown)));
    same("a key that is nobody's", new Set(codes).size === 1 && codes[0], "ERR_TOKEN_KEY");
    same("the key that vanished", await present(old), "ERR_TOKEN_KEY");
    same("the one that stayed", await present(next), "granted");
    same("requests for the page", await site.asked(), 3);
  });

  await check(
    "a key that has ended verifies nothing, until a page gives it more time",
    async () => {
      const site = await Site.open(town);
      await site.publishes([1], { expires_at: new Date((now + 60) * 1000).toISOString() });
      const { time, present } = verifying(site.issuer, now);
      const credential = site.minter(1).mint(scope);
      same("before its end", await present(credential), "granted");
      time.now += 60;
      same("after it", await present(credential), "ERR_TOKEN_KEY");
      await site.publishes([1]);
      time.now += 240;
      same(
        "a page without its end, behind the kept one",
        await present(credential),
        "ERR_TOKEN_KEY",
      );
      time.now += 60;
      same("that page, which is waited for by now", await present(credential), "granted");
    },
  );

  await check("what is not the issuer's: another one, another key, a flipped bit", async () => {
    const [site, other] = [await Site.open(town), await Site.open(town)];
    await site.publishes([1]);
    await other.publishes([1]);
    const { present } = verifying(site.issuer, now);
    const good = seal(site.minter(1).mint(scope));
    same("another issuer", await present(other.minter(1).mint(scope)), "ERR_TOKEN_ISSUER");
    same("is not asked", await other.asked(), 0);
    const { issuer } = site;
    const forger = new Minter({ privateKey: keyText(9), issuer, keyId: 1, clock: () => now });
    same("another key under its number", await present(forger.mint(scope)), "ERR_TOKEN_FORGED");
    same("a flipped bit", await present(withWrongSignature(good)), "ERR_TOKEN_FORGED");
    same("the right one", await present(good), "granted");
  });

  const one = { algorithm: "ed25519", key_bytes: keyText(1), key_id: 1 };
  const pages: readonly (readonly [code: string, served: Served])[] = [
    ["ERR_KEYS_STATUS", { body: "[]", status: 404 }],
    ["ERR_KEYS_REDIRECT", { body: "", status: 302, location: "/elsewhere" }],
    ["ERR_KEYS_TOO_LARGE", { body: `[]${" ".repeat(65_535)}` }],
    ["ERR_KEYS_TOO_LARGE", { body: JSON.stringify(Array(65).fill(one)) }],
    ["ERR_KEYS_MALFORMED", { body: "<html>", type: "text/html" }],
    ["ERR_KEYS_MALFORMED", { body: "{}" }],
    ["ERR_KEYS_ISSUER", { body: JSON.stringify([{ ...one, issuer: "https://o.example" }]) }],
    ["ERR_KEYS_UNREACHABLE", { body: "", hangsUp: true }],
  ];
  await check("a page that is refused leaves the last good one, and says why", async () => {
    const found: string[] = [];
    for (const [, served] of pages) {
      const site = await Site.open(town);
      await site.publishes([1]);
      const { time, alarms, present } = verifying(site.issuer, now);
      const credential = site.minter(1).mint(scope);
      same("before", await present(credential), "granted");
      await site.serves(served);
      time.now += 300;
      // Waits for the page, because its key is not on the kept one.
      same("meanwhile", await present(site.minter(2).mint(scope)), "ERR_TOKEN_KEY");
      same("the kept key", await present(credential), "granted");
      time.now += 86_400;
      same("a day later", await present(credential), "ERR_KEYS_UNREACHABLE");
      found.push([...new Set(alarms)].join());
    }
    same(
      "the alarms",
      found,
      pages.map(([code]) => code),
    );
  });

  await check("a client narrows to the origin, seals, and shows it there alone", async () => {
    const site = await Site.open(town);
    await site.publishes([1]);
    const { present, judge } = verifying(site.issuer, now);
    const wide = { endpoints: ["* https://*/**"], expiresIn: "90d" } as const;
    const open = site.minter(1).mint(wide);
    const sent: (string | null)[] = [];
    const client = new Client({
      credential: open,
      fetch: async (input, init) => {
        const request = new Request(input, init);
        sent.push(request.headers.get("authorization"));
        return new Response(await judge(request));
      },
    });
    same("here", await (await client.get(`${location}/a`)).text(), "granted");
    await client.get("https://other.example/a");
    same("what was sent elsewhere", sent[1], null);
    const text = sent[0]!.replace(/^L402 /, "");
    same("sealed", issuedOf(Credential.parse(text))?.isSealed, true);
    same("what the client holds", issuedOf(open)?.isSealed, false);
    const other = verifying(site.issuer, now, "https://other.example");
    same("to whom it was shown", await present(text), "granted");
    same("what that one can do elsewhere", await other.present(text), "ERR_ENDPOINT");
    same("what the holder can", await other.present(open), "granted");
  });

  await check("a credential that is bound to a key is taken with its signature alone", async () => {
    const site = await Site.open(town);
    await site.publishes([1]);
    const { present, judge } = verifying(site.issuer, now);
    const requests: Request[] = [];
    const key = new HolderKey(undefined, {
      clock: () => now,
      fetch: async (input, init) => {
        const request = new Request(input, init);
        requests.push(new Request(request.url, { headers: request.headers }));
        return new Response(await judge(request));
      },
    });
    const bound = site.minter(1).mint({ ...scope, holder: key.thumbprint });
    const client = new Client({ credential: bound, fetch: key.fetch });
    same("signed", await (await client.get(`${location}/a`)).text(), "granted");
    same("signed again", await (await client.get(`${location}/a`)).text(), "granted");
    same("the text alone", await present(bound), "ERR_HOLDER");
    same("a copied request", await judge(requests[0]!), "ERR_HOLDER");
  });

  await check("a client of this runtime is served across HTTP, by both ways", async () => {
    const { service, issuer, privateKey } = town;
    const at = { issuer, keyId: 1, location: service, clock: () => now };
    const minter = new Minter({ privateKey, ...at });
    const wide = { endpoints: ["GET http://*:*/**"], expiresIn: "90d" } as const;
    const client = new Client({ credential: minter.mint(wide) });
    const answer = await client.get(`${service}/forecast`);
    same("narrowed and sealed", [answer.status, await answer.text()], [200, "sunny"]);
    const key = new HolderKey(undefined, { clock: () => now });
    const bound = minter.mint({ ...wide, holder: key.thumbprint });
    const signing = new Client({ credential: bound, fetch: key.fetch });
    const signed = await signing.get(`${service}/forecast?city=tokyo`);
    same("signed", [signed.status, await signed.text()], [200, "sunny"]);
    const copied = await new Client({ credential: bound }).get(`${service}/forecast`);
    const { code } = (await copied.json()) as { code: string };
    same("without its signature", [copied.status, code], [403, "ERR_HOLDER"]);
  });

  return passed;
}
