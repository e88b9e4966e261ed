/** Every public option object refuses an unknown key and names it. [case 97] */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SigilHandle } from "./agents/index.ts";
import { compileScope } from "./caveat/index.ts";
import { OwnerClient } from "./client/owner.ts";
import { feedSource, followRevocations, revocationFeed } from "./feed/index.ts";
import { HolderKey } from "./holder/index.ts";
import { guardedFetch } from "./http/guarded-fetch.ts";
import { Client } from "./index.ts";
import { Authority, HmacVerifier, Minter, RevocationList } from "./l402/index.ts";
import { Macaroon } from "./macaroon/index.ts";
import { paidEndpoint, paidTool, paidTools, pay } from "./mcp/index.ts";
import { paid as paidHono } from "./middleware/hono.ts";
import { paid as paidNext } from "./middleware/next.ts";
import { listener, paid as paidNode, paidUpgrade, serve } from "./node/index.ts";
import {
  BiscuitVerifier,
  biscuitDatalog,
  IssuerDirectory,
  KeyRing,
  Minter as PublicKeyMinter,
  slice,
} from "./public-key/index.ts";
import { exportReceipts, ReceiptClerk, verifyExport } from "./receipt/index.ts";
import { Paywall } from "./service/index.ts";
import { MemoryStore } from "./stores/memory.ts";
import { openPostgresStore } from "./stores/postgres.ts";
import { openSqliteStore } from "./stores/sqlite.ts";
import { DevNetwork, devTown } from "./testing/index.ts";
import { ownerApi, serveTreasury, Treasury } from "./treasury/index.ts";
import { devWallet } from "./wallets/dev.ts";
import { lndWallet } from "./wallets/lnd.ts";
import { nwcWallet } from "./wallets/nwc.ts";

const secret = "a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a3b5d2f6881a2c3e4f5061728394";
const location = "https://api.example";
const paywall = new Paywall({ secret, location });
const authority = () => new Authority({ secret, location });
const credential = authority().minter.mint({ services: ["a"], expiresIn: "1h" });
const wallet = devWallet("dev+http://127.0.0.1:1/a?key=k");
const treasury = () => new Treasury({ secret, location, wallet });
const ring = () => KeyRing.create({ issuer: "https://treasury.example" });
const handler = async () => new Response();

/** For each option object: a key that is nearly one of its own, and a call with it. */
const CALLS: Readonly<Record<string, [key: string, call: (options: never) => unknown]>> = {
  "l8nt ClientOptions": ["walet", (o) => new Client(o)],
  "l8nt ClientOptions.limits": ["budgetPerDey", (limits) => new Client({ wallet, limits })],
  "l8nt ClientOptions.treasury": ["maxFe", (own) => new Client({ wallet, treasury: own })],
  "l8nt/caveats CompileOptions": ["nouce", (o) => compileScope({}, o)],
  "l8nt/macaroon MintOptions": ["locaton", (o) => Macaroon.mint(o)],
  "l8nt/l402 AttenuateOptions": ["nov", (o) => credential.attenuate({ maxUses: 1 }, o)],
  "l8nt/l402 AuthorityOptions": ["tolerat", (o) => new Authority(o)],
  "l8nt/l402 HmacVerifierOptions": ["previousSecret", (o) => new HmacVerifier(o)],
  "l8nt/l402 MinterOptions": ["tolerat", (o) => new Minter(o)],
  "l8nt/biscuit MinterOptions": ["isuer", (o) => new PublicKeyMinter(o)],
  "l8nt/biscuit KeyRingOptions": ["isuer", (o) => KeyRing.create(o)],
  "l8nt/biscuit NewKeyOptions": ["expiresInn", (o) => ring().rotate(o)],
  "l8nt/biscuit RingMinterOptions": ["locaton", (o) => ring().minter(o)],
  "l8nt/biscuit SeedOptions": ["sede", (o) => ring().minter().mint({}, o)],
  "l8nt/biscuit BiscuitVerifierOptions": ["tolerat", (o) => new BiscuitVerifier(o)],
  "l8nt/biscuit BiscuitDatalogOptions": ["maxKept", (o) => biscuitDatalog({} as never, o)],
  "l8nt/biscuit SliceOptions": ["totl", (o) => slice(credential, [], o)],
  "l8nt/biscuit IssuerDirectoryOptions": ["isuers", (o) => new IssuerDirectory(o)],
  "l8nt/holder HolderKeyOptions": ["clok", (o) => new HolderKey(undefined, o)],
  "l8nt/l402 RevocationListOptions": ["clok", (o) => new RevocationList(o)],
  "l8nt/service PaywallOptions": ["invoicr", (o) => new Paywall(o)],
  "l8nt/service AuthorizeOptions": ["adress", (o) => paywall.authorize(new Request(location), o)],
  "l8nt/service TopUpOptions": ["amout", (o) => paywall.topUp("00".repeat(16), o)],
  "l8nt/service RevocationsOption": [
    "stor",
    (revocations) => new Paywall({ secret, location, revocations }),
  ],
  "l8nt/service Terms": ["prise", (terms) => paywall.route(terms)],
  "l8nt/service Grants": ["maxUse", (grants) => paywall.route({ grants })],
  "l8nt/treasury GuardedFetchOptions": ["allowLoopbak", (o) => guardedFetch(o)],
  "l8nt/treasury OwnerApiOptions": ["metric", (o) => ownerApi(treasury(), o)],
  "l8nt/treasury ServeTreasuryOptions": [
    "lookUpEvry",
    (o) => serveTreasury({ secret, location, wallet, ...(o as object) }),
  ],
  "l8nt/treasury TreasuryOptions": ["maxFe", (o) => new Treasury(o)],
  "l8nt/treasury MintsOptions": [
    "payIfRefussed",
    (o) => new Treasury({ location: "https://treasury.example", mints: o } as never),
  ],
  "l8nt/treasury InFlightOptions": [
    "perNod",
    (maxInFlight) => new Treasury({ secret, location, wallet, maxInFlight }),
  ],
  "l8nt/owner OwnerClientOptions": ["ur", (o) => new OwnerClient(o)],
  "l8nt/receipts ReceiptClerkOptions": ["bach", (o) => new ReceiptClerk(o)],
  "l8nt/receipts ExportOptions": [
    "earlyer",
    (o) => exportReceipts(new MemoryStore(), {} as never, () => 0, o).next(),
  ],
  "l8nt/receipts VerifyExportOptions": ["eech", (o) => verifyExport([], "00", o)],
  "l8nt/feed FeedSourceOptions": ["fech", (o) => feedSource(o)],
  "l8nt/feed FollowOptions": [
    "maxSilense",
    (o) => followRevocations(authority(), async function* () {}, o),
  ],
  "l8nt/feed RevocationFeedOptions": ["maxWating", (o) => revocationFeed(new MemoryStore(), o)],
  "l8nt/agents HandleOptions": ["agent", (o) => SigilHandle.open(o)],
  "l8nt/hono PaidOptions": ["clientAdress", (o) => paidHono(paywall, {}, o)],
  "l8nt/node PaidOptions": ["clientAdress", (o) => paidNode(paywall, {}, () => {}, o)],
  "l8nt/next PaidOptions": ["clientAdress", (o) => paidNext(paywall, {}, handler, o)],
  "l8nt/node PaidUpgradeOptions": ["clientAdress", (o) => paidUpgrade(paywall, {}, () => {}, o)],
  "l8nt/node ListenerOptions": ["orign", (o) => listener(handler, o)],
  "l8nt/node ServeOptions": ["prt", (o) => serve(handler, o)],
  "l8nt/mcp PaidEndpointOptions": ["tool", (o) => paidEndpoint(o, handler)],
  "l8nt/mcp PaidToolOptions": ["prise", (o) => paidTool({} as never, "a", o, handler as never)],
  "l8nt/mcp PaidToolsOptions": ["prise", (o) => paidTools({} as never, o)],
  "l8nt/mcp PayOptions": ["locaton", (o) => pay({ callTool: handler }, o)],
  "l8nt/ports WalletOptions": ["slep", (o) => lndWallet("lnd+http://127.0.0.1:1?macaroon=02", o)],
  "l8nt/stores/memory MemoryStoreOptions": ["jornal", (o) => new MemoryStore(o)],
  "l8nt/stores/sqlite SqliteOptions": ["readonly", (o) => openSqliteStore("/nowhere/store", o)],
  "l8nt/stores/postgres PostgresStoreOptions": ["shema", (o) => openPostgresStore(o)],
  "l8nt/wallets/dev DevWalletOptions": [
    "fech",
    (o) => devWallet("dev+http://127.0.0.1:1/a?key=k", o),
  ],
  "l8nt/wallets/nwc NwcWalletOptions": [
    "websocket",
    (o) => nwcWallet("nostr+walletconnect://a", o),
  ],
  "l8nt/testing DevNetworkOptions": ["prt", (o) => DevNetwork.start(o)],
  "l8nt/testing DevShopOptions": [
    "servic",
    async (o) => (await devTown({ ...(o as object), handler } as never)).close(),
  ],
  "l8nt/testing DevTownOptions": ["balanse", (o) => devTown(o)],
};

/** Objects that a framework's SDK makes, or that are tested beside the SDK that they need. */
const ELSEWHERE = new Set([
  "l8nt/ai-sdk CallOptions",
  "l8nt/genkit GenkitOptions",
  "l8nt/a2a A2aOptions",
]);

test.each(Object.entries(CALLS))(
  "%s refuses an unknown key, and names it",
  async (_, [key, call]) => {
    const attempt = (async () => call({ [key]: undefined } as never))();
    await expect(attempt).rejects.toThrow(TypeError);
    await expect(attempt).rejects.toThrow(`"${key}"`);
  },
);

test("no public option object is missing from the table", () => {
  const list = readFileSync(new URL("../exports.txt", import.meta.url), "utf8");
  const public_ = [...list.matchAll(/^(\S+) type (\w+Options)$/gm)].map(
    ([, subpath, name]) => `${subpath} ${name}`,
  );
  expect(public_.length).toBeGreaterThan(20);
  expect(public_.filter((name) => !(name in CALLS) && !ELSEWHERE.has(name))).toEqual([]);
});

test("a treasury's location has no path: its API is at the root of its origin", () => {
  const open = (text: string) => () => new Treasury({ secret, location: text, wallet });
  for (const text of ["https://t.example", "https://t.example/", "http://[::1]:8409"])
    expect(open(text), text).not.toThrow();
  for (const path of ["/treasury", "/treasury/", "//", "/?a=1", "?a", "#a"])
    expect(open(`https://t.example${path}`), path).toThrow("without a path");
});
