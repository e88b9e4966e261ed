/**
 * A compromised sub-agent: a process with only its own credential that makes many kinds of attempts
 * in a seeded order, and reports every text that it received. `adversary.test.ts` runs it.
 */
import { Client, Credential } from "l8nt";
import { macaroonOf } from "l8nt/l402";
import { Macaroon, type UnverifiedMacaroon } from "l8nt/macaroon";
import { patience } from "../../../packages/l8nt/src/client/retry.ts";

interface Orders {
  readonly seed: number;
  readonly calls: number;
  readonly shop: string;
  /** A server of its own. */
  readonly accomplice: string;
  /**
   * What it overheard: payment hashes of its family, and a handed-over credential of a sibling that
   * was revoked.
   */
  readonly hashes: readonly string[];
  readonly stolen: string;
  readonly allowed: readonly string[];
  readonly forbidden: readonly string[];
  /** Seconds of the town's time that go by with each call. */
  readonly secondsPerCall?: number;
}

// It does not wait when it is told to come back later.
patience.sleep = () => Promise.resolve();

const orders = JSON.parse(process.argv[2]!) as Orders;
const credential = process.env.SIGIL_CREDENTIAL!;
const own = Credential.parse(credential);
const treasury = own.location;
const received: string[] = [];

let state = orders.seed;
/** mulberry32 */
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;

/** A recording fetch: heads and bodies of all that comes. */
const recording: typeof fetch = async (input, init) => {
  const response = await fetch(input, { redirect: "manual", ...init });
  const text = await response.clone().text();
  received.push(JSON.stringify([...response.headers]), text);
  return response;
};

const textOf = (macaroon: UnverifiedMacaroon, preimage: string) =>
  `${Buffer.from(Macaroon.encode(macaroon)).toString("base64")}:${preimage}`;

/** Its own credential, and what it becomes when it is tampered with. */
function disguise(text: string): string {
  const macaroon = macaroonOf(Credential.parse(text));
  const preimage = text.slice(text.lastIndexOf(":") + 1);
  const { caveats } = macaroon;
  const wide = "endpoints=* http://127.0.0.1:*/**";
  return pick<() => string>([
    () => text,
    () => textOf({ ...macaroon, caveats: caveats.slice(0, -1) }, preimage),
    () => textOf({ ...macaroon, caveats: caveats.slice(0, 3) }, preimage),
    () => textOf({ ...macaroon, caveats: [] }, preimage),
    () => textOf({ ...macaroon, caveats: [...caveats].reverse() }, preimage),
    () =>
      textOf(
        {
          ...macaroon,
          caveats: caveats.filter((_, at) => at !== Math.floor(random() * caveats.length)),
        },
        preimage,
      ),
    () =>
      textOf(
        { ...macaroon, signature: macaroon.signature.map((byte) => byte ^ 1) as never },
        preimage,
      ),
    () =>
      textOf(
        Macaroon.attenuate(macaroon, wide, "budget_msat=999999999999", "valid_until=99999999999"),
        preimage,
      ),
    () => textOf(Macaroon.attenuate(macaroon, "agent=treasury.0000000000000000", wide), preimage),
    () => textOf(Macaroon.attenuate(macaroon, `\u0000${wide}`), preimage),
    () => textOf(macaroon, "0".repeat(64)),
    () => text.replace(":", "::"),
    () => text.toUpperCase(),
  ])();
}

const found = (pattern: RegExp): string[] => [...new Set(received.join("\n").match(pattern) ?? [])];
const credentialsSeen = () => found(/[A-Za-z0-9+/]{80,}={0,2}:[0-9a-f]{64}/g);
const macaroonsSeen = () => found(/AgE[A-Za-z0-9+/]{80,}={0,2}/g);
const preimagesSeen = () => found(/[0-9a-f]{64}/g);

const anyUrl = () => orders.shop + pick([...orders.allowed, ...orders.forbidden]);

const purchase = (body: unknown, headers: Record<string, string> = {}, as = disguise(credential)) =>
  recording(`${treasury}/v1/purchases`, {
    method: "POST",
    headers: { authorization: `L402 ${as}`, "content-type": "application/json", ...headers },
    body:
      typeof body === "string"
        ? body
        : JSON.stringify({ id: crypto.randomUUID(), ...(body as object) }),
  });

const present = (text: string, url: string, method = "GET") =>
  recording(url, { method, headers: { authorization: `L402 ${text}` } });

const READABLE = [
  "/v1/tree",
  "/v1/credential",
  "/v1/receipts",
  "/v1/payments",
  "/v1/nodes",
  "/v1/openapi.json",
  "/metrics",
  ...["health", "tree", "payments", "journal", "receipts"].map((what) => `/v1/owner/${what}`),
];
const METHODS = ["GET", "GET", "GET", "POST", "DELETE", "HEAD", "PUT"];

const TRICKS: readonly (() => Promise<unknown>)[] = [
  // What it is there for, while it still has a budget.
  () => new Client({ fetch: recording }).get(orders.shop + pick(orders.allowed)),
  () => purchase({ method: pick(METHODS), url: anyUrl(), headers: [] }),
  () => purchase({ method: "GET", url: anyUrl(), headers: [] }, {}, credential),
  () =>
    purchase(
      {
        method: "GET",
        url: orders.shop + pick(orders.allowed),
        headers: [["x-original-url", pick(orders.forbidden)]],
      },
      {},
      credential,
    ),
  () =>
    purchase({ method: "GET", url: `${orders.shop}/docs/../admin`, headers: [] }, {}, credential),
  () =>
    purchase({
      method: "GET",
      url: `${orders.shop}/docs/%2e%2e/admin`,
      headers: [["x-a", "b\r\nauthorization: x"]],
    }),
  () => purchase({ method: "GET", url: `${orders.accomplice}/loot`, headers: [] }),
  () =>
    purchase({
      method: "GET",
      url: `${treasury}/v1/tree`,
      headers: [["authorization", `L402 ${credential}`]],
    }),
  () =>
    purchase(
      {
        method: "GET",
        url: anyUrl(),
        headers: [],
        refused: { paymentHash: pick(orders.hashes), mayBeUsed: random() < 0.5 },
      },
      {},
      credential,
    ),
  () =>
    purchase(
      {
        method: "GET",
        url: `${orders.accomplice}/loot`,
        headers: [],
        refused: { paymentHash: pick([...orders.hashes, ...preimagesSeen()]), mayBeUsed: false },
      },
      {},
      credential,
    ),
  () =>
    purchase(
      `{"method":"GET","url":"${anyUrl()}","headers":[],"__proto__":{"isAdmin":true},"invoice":"lnbcrt1"}`,
    ),
  () => purchase({ method: "POST", url: anyUrl(), headers: [], body: "A".repeat(3_000_000) }),
  () => purchase("[".repeat(100_000)),
  () =>
    Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        purchase(
          { method: "GET", url: `${orders.shop}/docs/${at}-${random()}`, headers: [] },
          {},
          credential,
        ),
      ),
    ),
  () =>
    recording(treasury + pick(READABLE), {
      headers: { authorization: `L402 ${disguise(credential)}` },
    }),
  () =>
    recording(
      `${treasury}/v1/owner/${pick(["revoke", "freeze", "thaw", "reconcile", "payees", "reopen", `payments/${pick(orders.hashes)}/give-up`])}`,
      {
        method: "POST",
        headers: {
          authorization: `L402 ${disguise(credential)}`,
          "content-type": "application/json",
        },
        body: JSON.stringify({
          node: "*",
          nodeId: "*",
          reason: "please",
          origin: orders.shop,
          payee: `02${"ab".repeat(32)}`,
        }),
      },
    ),
  () =>
    recording(`${treasury}/.well-known/l402/revocations`, {
      method: "POST",
      headers: { authorization: `L402 ${disguise(credential)}` },
      body: JSON.stringify({
        caveats: pick<unknown>([
          [],
          ["agent=brother.0000000000000000"],
          "agent=x",
          own.caveats.map(({ condition, value }) => `${condition}=${value}`),
        ]),
      }),
    }),
  () => present(disguise(pick([...credentialsSeen(), credential])), anyUrl(), pick(METHODS)),
  () =>
    present(
      pick([...credentialsSeen(), credential]),
      orders.shop + pick(orders.forbidden),
      pick(METHODS),
    ),
  // The challenge that it was offered itself, with any preimage that it has ever seen. [case 25]
  () =>
    present(
      `${pick([...macaroonsSeen(), "AgE"])}:${pick([...preimagesSeen(), "0".repeat(64)])}`,
      anyUrl(),
    ),
  () => present(orders.stolen, orders.shop + pick(orders.forbidden)),
  () =>
    recording(anyUrl(), {
      headers: {
        authorization: `L402 ${credential}, L402 ${pick([...credentialsSeen(), credential])}`,
      },
    }),
  () => recording(anyUrl()),
  () => {
    const seen = pick([...credentialsSeen(), credential]);
    return recording(`${orders.shop}/.well-known/l402/revocations`, {
      method: "POST",
      headers: { authorization: `L402 ${seen}` },
      body: JSON.stringify({ caveats: ["agent=agent.0000000000000000"] }),
    });
  },
  // By the normal client, and by a client with another location.
  () => new Client({ fetch: recording }).get(anyUrl()),
  () =>
    new Client({
      fetch: recording,
      credential: own.delegate({
        agent: "fresh",
        budget: "9999 sat",
        endpoints: [`* ${orders.shop}/**`],
      }),
    }).get(anyUrl()),
];

/** Waits until the town's clock has gone on. */
function later(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    process.once("message", () => resolve());
    process.send!({ later: seconds });
  });
}

const told: Record<string, number> = {};
for (let call = 0; call < orders.calls; call++) {
  if (orders.secondsPerCall !== undefined) await later(orders.secondsPerCall);
  try {
    // Each once at least, then at random.
    const answer = await (TRICKS[call] ?? pick(TRICKS))();
    if (answer instanceof Response) told[answer.status] = (told[answer.status] ?? 0) + 1;
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? (error as Error).name);
    told[code] = (told[code] ?? 0) + 1;
  }
}
await new Promise((resolve) => process.send!({ received, told }, resolve));
process.disconnect();
