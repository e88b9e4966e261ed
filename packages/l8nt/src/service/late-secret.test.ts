/** A paywall whose secret is not there yet: a build loads the module without it. */
import { expect, test } from "vitest";
import { Authority, type Secret } from "../l402/index.ts";
import { paid as paidExpress } from "../middleware/express.ts";
import { paid as paidFastify } from "../middleware/fastify.ts";
import { paid as paidHono } from "../middleware/hono.ts";
import { paid as paidNext, wellKnown } from "../middleware/next.ts";
import { paid as paidNode } from "../node/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { Paywall, type PaywallOptions } from "./index.ts";

const SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
const location = "https://api.example";
const TERMS = { price: "1 sat", grants: { uses: 2 } } as const;

function world(secret: PaywallOptions["secret"]) {
  const invoicer = new FakeInvoicer();
  const alarms: unknown[][] = [];
  const alarm = (...told: unknown[]) => void alarms.push(told);
  const paywall = new Paywall({ secret, location, invoicer, alarm, ...TERMS });
  const ask = async () => {
    const decision = await paywall.authorize(new Request(`${location}/a`));
    if (decision.granted) throw new Error("it was granted");
    return decision;
  };
  return { invoicer, alarms, paywall, ask };
}

test.each<[what: string, secret: PaywallOptions["secret"]]>([
  ["undefined", undefined],
  ["a function of nothing", () => undefined],
  ["a function of a short text", () => "too short"],
  ["a function of a placeholder", () => "00".repeat(32)],
  [
    "a function that throws",
    () => {
      throw new Error("no file /etc/secret");
    },
  ],
])("routes open without a secret, and answer 503: %s", async (_, secret) => {
  const { paywall, invoicer, alarms } = world(secret);
  for (const open of [paidExpress, paidFastify, paidHono]) open(paywall, TERMS);
  const GET = paidNext(paywall, TERMS, () => new Response("served"));
  paidNode(paywall, TERMS, () => {});
  const { minter } = new Authority({ secret: SECRET, location });
  const credential = minter.mint({ endpoints: [`GET ${location}/**`], expiresIn: "1h" });
  const headers = { authorization: `L402 ${credential}` };
  for (const init of [{}, { headers }]) {
    const answer = await GET(new Request(`${location}/a`, init), {});
    const body = await answer.text();
    expect([answer.status, JSON.parse(body).code]).toEqual([503, "ERR_SECRET"]);
    expect(body).not.toMatch(/\/etc|short|SIGIL_SECRET/);
  }
  expect(invoicer.requests).toEqual([]);
  expect(alarms.length).toBe(2);
  if (secret === undefined) expect(String(alarms[0]![1])).toMatch(/SIGIL_SECRET/);
  await expect(paywall.ready()).rejects.toMatchObject({ code: "ERR_SECRET" });
  const discovered = await wellKnown(paywall)(new Request(`${location}/.well-known/l402`));
  expect(discovered.status).toBe(200);
  const revoking = new Request(`${location}/.well-known/l402/revocations`, {
    method: "POST",
    headers,
    body: '{"caveats":[]}',
  });
  expect((await wellKnown(paywall)(revoking)).status).toBe(503);
});

test("a secret that comes later is read once, and sells and verifies from then on", async () => {
  let secret: Secret | undefined;
  let reads = 0;
  const { ask, paywall, invoicer } = world(() => {
    reads++;
    return secret;
  });
  expect([(await ask()).status, reads]).toEqual([503, 1]);
  secret = SECRET;
  const { response } = await ask();
  const bought = invoicer.buy([response.headers.get("www-authenticate")!]);
  await paywall.ready();
  // The same secret, given at once: what one sells, the other takes.
  const other = new Paywall({ secret: SECRET, location, invoicer, ...TERMS });
  const request = new Request(`${location}/a`, { headers: { authorization: `L402 ${bought}` } });
  expect((await other.authorize(request)).granted).toBe(true);
  secret = undefined;
  // Once for the minter and the verifier.
  expect([(await ask()).status, reads]).toEqual([402, 2]);
});

test("terms that cannot be sold fail at the start also without a secret, and so does a paywall that names none", () => {
  const { paywall } = world(undefined);
  expect(() => paywall.route({ price: "1 sat", grants: { endpoints: ["GET /a b"] } })).toThrow(
    TypeError,
  );
  expect(() => new Paywall({ location })).toThrow(/its secret is missing/);
  expect(() => new Paywall({ secret: undefined })).toThrow(/its location is missing/);
});
