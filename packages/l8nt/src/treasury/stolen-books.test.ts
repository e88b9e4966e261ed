/**
 * Books that are copied without the treasury's secret hold nothing that could be presented, and
 * everything works that has to work with them. spec/4-purchase.md §4.7. [case 112]
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { msat } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import type { Credential } from "../l402/index.ts";
import type { Store } from "../ports/store.ts";
import { MemoryStore } from "../stores/memory.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import {
  challenger,
  type Shop,
  secretOf,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { beginPayment, paymentOf } from "../testing/payment-laws.ts";
import { START } from "../testing/store-laws.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury, type TreasuryOptions } from "./index.ts";
import { wrappedStore } from "./wrapped-payments.ts";
import { placeOf, Wrapping } from "./wrapping.ts";

const SECRET = secretOf("the treasury");

function open(world: Town, store: Store, more: Partial<TreasuryOptions> = {}): Treasury {
  const treasury = new Treasury({
    secret: SECRET,
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => world.alarms.push(what),
    ...more,
  });
  onTestFinished(() => treasury.stop());
  return treasury;
}

const buy = (treasury: Treasury, credential: Credential, url: string, more: object = {}) =>
  treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
    ...more,
  });

const presented = async ({ url }: Shop, credential: string) =>
  (await fetch(`${url}/forecast`, { headers: { authorization: `L402 ${credential}` } })).status;

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["GET /**"] } } as const;

/** What can be presented of everything in the books, and how it could be written. */
async function secretsIn(store: Store, secret = SECRET): Promise<readonly Buffer[]> {
  const wrapping = new Wrapping(secret);
  const spellings: Buffer[] = [];
  for (const record of await store.payments({ limit: 1000 })) {
    const { token, preimage = "" } = record;
    const texts = [
      await wrapping.unwrap(token, placeOf(record, "token")),
      await wrapping.unwrap(preimage, placeOf(record, "preimage")),
    ];
    expect(texts[0]).not.toBe(token);
    const bytes = [Buffer.from(texts[0]!, "base64"), Buffer.from(texts[1]!, "hex")];
    for (const text of texts) if (text !== "") spellings.push(Buffer.from(text!));
    // A part of a macaroon that is no one else's: its signature.
    for (const part of [bytes[0]!.subarray(-32), bytes[1]!])
      if (part.length === 32)
        for (const form of ["latin1", "hex", "base64", "base64url"] as const)
          spellings.push(Buffer.from(part.toString(form).replace(/=+$/, ""), "latin1"));
  }
  return spellings;
}

async function bought(store: Store) {
  const world = await town({ store });
  onTestFinished(() => world.treasury.stop());
  const [pass, single] = [await world.openShop(PASS), await world.openShop({ price: "10 sat" })];
  const agent = world.mint().delegate({ agent: "scout" });
  const handed = await buy(world.treasury, agent, `${pass.url}/forecast`);
  if (handed.kind !== "credential") throw new Error("it was relayed");
  await buy(world.treasury, agent, `${single.url}/forecast`, { relay: true });
  const foreign = await site(async ({ headers }, response, url) => {
    if (headers.authorization !== undefined) return response.end("sunny");
    const { invoice } = await challenger(world, url).demand();
    response.sendDate = false;
    response.writeHead(402, {
      "www-authenticate": `L402 token="opaque.${"x".repeat(40)}", macaroon="opaque.${"x".repeat(40)}", invoice="${invoice}"`,
    });
    response.end();
  });
  await buy(world.treasury, agent, `${foreign.url}/forecast`);
  return { world, pass, single, foreign, agent, handed };
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sigil-stolen-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe.skipIf(process.getBuiltinModule("node:sqlite") === undefined)("a file of SQLite", () => {
  test("has no token, no preimage and no agent's credential in it, nor has its log", async () => {
    const path = folder();
    const store = await openSqliteStore(join(path, "books.db"));
    const { agent, handed } = await bought(store);
    const secrets = [
      ...(await secretsIn(store)),
      Buffer.from(agent.toString()),
      Buffer.from(handed.credential),
      Buffer.from(agent.toString().split(":")[1]!),
    ];
    expect(secrets.length).toBeGreaterThan(20);
    const look = () => {
      for (const file of readdirSync(path)) {
        const bytes = readFileSync(join(path, file));
        for (const secret of secrets) expect(bytes.includes(secret), file).toBe(false);
      }
    };
    expect(readdirSync(path)).toContain("books.db-wal");
    look();
    await store.close();
    look();
  });

  test("that is copied buys nothing without the secret, and is whole with it", async () => {
    const path = folder();
    const store = await openSqliteStore(join(path, "books.db"));
    const { world, pass, single, agent } = await bought(store);
    await world.treasury.stop();
    await store.close();
    for (const name of ["stolen.db", "kept.db"])
      copyFileSync(join(path, "books.db"), join(path, name));

    const stolen = await openSqliteStore(join(path, "stolen.db"));
    const records = await stolen.payments({ limit: 100 });
    const another = new Wrapping(secretOf("a thief"));
    for (const record of records) {
      const { token, preimage = "" } = record;
      expect(await another.unwrap(token, placeOf(record, "token"))).toBeUndefined();
      expect(await another.unwrap(preimage, placeOf(record, "preimage"))).toBeUndefined();
      for (const shop of [pass, single])
        expect(await presented(shop, `${token}:${preimage}`)).not.toBe(200);
    }
    await stolen.close();

    const kept = await openSqliteStore(join(path, "kept.db"));
    onTestFinished(() => kept.close());
    const paid = world.paid().count;
    const next = open(world, kept, { unexplainedPayments: "alarm" });
    expect(await buy(next, agent, `${pass.url}/forecast`)).not.toHaveProperty("payment");
    expect(world.paid().count).toBe(paid);
  });
});

describe.skipIf(process.getBuiltinModule("node:sqlite") === undefined)("a file", () => {
  test("whose rows name another origin has nothing presented there", async () => {
    const path = join(folder(), "books.db");
    const store = await openSqliteStore(path);
    const world = await town({ store });
    onTestFinished(() => world.treasury.stop());
    const agent = world.mint();
    const honest = await site(async ({ headers }, response, url) => {
      if (headers.authorization !== undefined) return response.end("sunny");
      const { invoice } = await challenger(world, url).demand();
      response.sendDate = false;
      response.writeHead(402, {
        "www-authenticate": `L402 token="a-month-pass", macaroon="a-month-pass", invoice="${invoice}"`,
      });
      response.end();
    });
    const evil = await site(async (_request, response) => {
      response.end("hello");
    });
    await buy(world.treasury, agent, `${honest.url}/forecast`);
    expect(world.paid().count).toBe(1);
    await world.treasury.stop();
    await store.close();

    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const db = new DatabaseSync(path);
    for (const name of Object.keys(db.prepare("SELECT * FROM payments").get()!))
      db.prepare(
        `UPDATE payments SET ${name} = replace(${name}, ?, ?) WHERE typeof(${name}) = 'text'`,
      ).run(honest.url, evil.url);
    db.close();

    const edited = await openSqliteStore(path);
    onTestFinished(() => edited.close());
    const next = open(world, edited);
    await buy(next, agent, `${evil.url}/forecast`);
    await next.stop();
    expect(evil.received.length).toBeGreaterThan(0);
    expect(evil.received.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    expect(world.alarms).toEqual([expect.stringContaining("the database was changed")]);
  });
});

test("a hash that failed and was begun again elsewhere is bound to where it was begun last", async () => {
  const store = new MemoryStore();
  const wrapping = new Wrapping(SECRET);
  const alarms: string[] = [];
  const process = () => wrappedStore(store, wrapping, (what) => alarms.push(what));
  const [one, other] = [process(), process()];
  const first = paymentOf({ attemptId: "first" });
  const hash = first.paymentHash;
  const second = { ...first, attemptId: "second", origin: "https://other.example" };
  await beginPayment(one, first);
  await one.settle(hash, "first", { status: "failed", at: START });
  await beginPayment(other, second);
  const paid = { status: "paid", preimage: "ab".repeat(32), fee: msat(0n), at: START } as const;
  const settled = await one.settle(hash, "first", paid);
  for (const record of [settled.payment, await process().payment(hash)])
    expect(record).toMatchObject({ origin: "https://other.example", preimage: paid.preimage });
  expect(alarms).toEqual([]);
});

test("a restarted treasury hands over, relays and recalls what is wrapped", async () => {
  const store = new MemoryStore({ journal: true });
  const { world, pass, foreign, agent, handed } = await bought(store);
  const paid = world.paid().count;
  const next = open(world, store);
  const again = await buy(next, agent, `${pass.url}/other`);
  expect(again).toMatchObject({ kind: "credential" });
  expect(await buy(next, agent, `${foreign.url}/forecast`)).toMatchObject({ kind: "response" });
  expect(world.paid().count).toBe(paid);
  expect(await presented(pass, handed.credential)).toBe(200);
  const [own] = (await next.standing(agent.toString())).slice(-1);
  await next.owner.revoke(own!.id);
  expect(await presented(pass, handed.credential)).not.toBe(200);
});

/** A store that lists payments by their hashes once it is told to go. */
function slowly(store: MemoryStore) {
  let go = () => {};
  const told = new Promise<void>((resolve) => {
    go = resolve;
  });
  const slow = new Proxy(store, {
    get(books, name) {
      if (name === "paymentsAfter")
        return async (after: string, limit: number) => {
          await told;
          return books.paymentsAfter(after, limit);
        };
      const member = Reflect.get(books, name, books);
      return typeof member === "function" ? member.bind(books) : member;
    },
  });
  return { store: slow, go };
}

describe("a treasury whose secret was replaced", () => {
  const rotated = { secret: secretOf("the next secret"), previousSecrets: [SECRET] };

  test("uses what it has, and wraps it with the new secret", async () => {
    const store = new MemoryStore({ journal: true });
    const { world, pass, agent } = await bought(store);
    const paid = world.paid().count;
    const next = open(world, store, rotated);
    await next.start();
    expect(await buy(next, agent, `${pass.url}/forecast`)).not.toHaveProperty("payment");
    await next.stop();
    expect((await secretsIn(store, rotated.secret)).length).toBeGreaterThan(20);
    const last = open(world, store, { secret: rotated.secret });
    const fresh = last.mint({
      endpoints: ["* http://127.0.0.1:*/**"],
      budget: "100 sat",
      expiresIn: "1h",
    });
    await buy(last, fresh, `${pass.url}/forecast`);
    expect(world.paid().count).toBe(paid + 1);
    expect(world.alarms).toEqual([]);
  });

  test("says that it needs the old one until everything is wrapped anew", async () => {
    const store = new MemoryStore({ journal: true });
    const { world } = await bought(store);
    const needs = async (treasury: Treasury) =>
      (await treasury.owner.health()).previousSecretsNeeded;
    expect(await needs(world.treasury)).toBe(false);
    const next = slowly(store);
    const treasury = open(world, next.store, rotated);
    await treasury.start();
    expect(await needs(treasury)).toBe(true);
    next.go();
    await vi.waitUntil(() => needs(treasury).then((are) => !are));
    expect((await secretsIn(store, rotated.secret)).length).toBeGreaterThan(20);
    await treasury.stop();
  });

  test.each(["paymentsAfter", "rewrap", "setFact"] as const)(
    "says that it still needs the old one if the store fails in %s",
    async (method) => {
      const store = new MemoryStore({ journal: true });
      const { world } = await bought(store);
      const failing: Store = new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          return (...given: unknown[]) =>
            name === method && (name !== "setFact" || String(given[0]).startsWith("digest key"))
              ? Promise.reject(new AdapterError("ERR_STORE", "The disk is full."))
              : value.apply(target, given);
        },
      });
      const treasury = open(world, failing, rotated);
      await treasury.start();
      await vi.waitUntil(() => world.alarms.length > 0);
      expect(world.alarms).toEqual([
        expect.stringMatching(/previousSecrets: .* \(The disk is full\.\)/),
      ]);
      expect((await treasury.owner.health()).previousSecretsNeeded).toBe(true);
      await treasury.stop();
      const next = open(world, store, rotated);
      await next.start();
      await vi.waitUntil(async () => !(await next.owner.health()).previousSecretsNeeded);
    },
  );

  test("wraps anew at each start what another treasury wrapped with the old one since", async () => {
    const store = new MemoryStore({ journal: true });
    const { world, agent, single } = await bought(store);
    const next = open(world, store, rotated);
    await next.start();
    await vi.waitUntil(async () => !(await next.owner.health()).previousSecretsNeeded);
    await next.stop();
    await buy(world.treasury, agent, `${single.url}/forecast`, { relay: true });
    await world.treasury.stop();
    const again = open(world, store, rotated);
    await again.start();
    await vi.waitUntil(async () => !(await again.owner.health()).previousSecretsNeeded);
    expect((await secretsIn(store, rotated.secret)).length).toBeGreaterThan(20);
  });

  test("without the old one says so, and pays again for what it needs", async () => {
    const store = new MemoryStore({ journal: true });
    const { world, pass } = await bought(store);
    const paid = world.paid().count;
    const next = open(world, store, { secret: rotated.secret });
    const fresh = next.mint({
      endpoints: ["* http://127.0.0.1:*/**"],
      budget: "100 sat",
      expiresIn: "1h",
    });
    await next.owner.payments();
    expect(world.alarms).toEqual([expect.stringContaining("previousSecrets")]);
    await buy(next, fresh, `${pass.url}/forecast`);
    expect(world.paid().count).toBe(paid + 1);
  });
});
