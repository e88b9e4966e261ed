/**
 * Hostile services: the challenges that they send, and what they do after a payment. [cases 48, 62,
 * 64-67, 69, 70, 72, 76]
 */
import { Authority, authenticateFields, Challenge } from "l8nt/l402";
import { untouched } from "./facts.ts";
import { acting } from "./schedule.ts";
import { secretOf } from "./shops.ts";
import type { Site, Town } from "./town.ts";

/** The invoice and the macaroon of one trick. The reason says why it must not be paid. */
const TRICKS = [
  "none",
  "none",
  "none",
  "another hash",
  "amountless",
  "another network",
  "expired",
  "dated ahead",
  "ten times the price",
  "the same again",
  "another payee",
  "another path",
  "another origin",
  "two offers",
  "no challenge",
] as const;
/** A trick, or one of two offers: the dearer one must never be paid. */
type Trick = (typeof TRICKS)[number] | "the dearer of two offers";
const AFTER_PAYING = [
  "402",
  "402",
  "500",
  "hang up",
  "serve",
  "serve",
  "redirect",
  "garbage",
] as const;

const PRICE_MSAT = 8000n;

export function crook(town: Town, node: number, name: string): Site {
  const { schedule, random, lightning, oracle } = town;
  const origin = `https://${name}.example`;
  const authority = new Authority({
    secret: secretOf(name),
    location: origin,
    clock: schedule.clock,
  });
  let last: Challenge | undefined;

  const offer = (trick: Trick): Challenge => {
    if (trick === "the same again" && last !== undefined) return last;
    const now = Math.floor(schedule.now);
    const payeeNode = trick === "another payee" ? 7 : node;
    const { text, paymentHash, payee, amountMsat } = lightning.invoice(payeeNode, {
      amountMsat:
        trick === "amountless"
          ? undefined
          : trick === "ten times the price"
            ? PRICE_MSAT * 10n
            : trick === "the dearer of two offers"
              ? PRICE_MSAT + 1n
              : PRICE_MSAT,
      ...(trick === "another network" && { network: "bc" }),
      // Also for a treasury whose clock is ten minutes behind.
      ...(trick === "expired" && { timestamp: now - 5000 }),
      ...(trick === "dated ahead" && { timestamp: now + 1000 }),
    });
    const path = trick === "another path" ? "/elsewhere" : "/**";
    const scope = { endpoints: [`* ${origin}${path}`], expiresIn: "1h" } as const;
    const isTrap = !["none", "ten times the price", "the same again", "another payee"].includes(
      trick,
    );
    oracle.offered({
      paymentHash,
      origin,
      payee,
      amountMsat,
      ...(isTrap && { trap: trick }),
      isHonest: false,
      isPass: true,
      until: now + 3600,
      left: Number.POSITIVE_INFINITY,
      ...untouched(),
    });
    const challenge = authority.minter.challenge(scope, text);
    if (trick !== "another hash") {
      last = isTrap ? last : challenge;
      return challenge;
    }
    const other = lightning.invoice(node, { amountMsat: PRICE_MSAT });
    return { ...authority.minter.challenge(scope, other.text), invoice: text };
  };

  const ask = (): Response => {
    const trick = random.pick(TRICKS);
    schedule.note(`${name} asks: ${trick}`);
    if (trick === "no challenge") return new Response("", { status: 402 });
    const tricks: readonly Trick[] =
      trick === "two offers" ? ["the dearer of two offers", "none"] : [trick];
    const challenges = tricks.map(offer);
    const headers = new Headers();
    for (const challenge of challenges)
      for (const line of Challenge.format(challenge)) headers.append("www-authenticate", line);
    const response = new Response("pay", { status: 402, headers });
    // As a fetch that follows redirects would give it.
    const url = trick === "another origin" ? "https://evil.example/" : `${origin}/a`;
    return Object.defineProperty(response, "url", { value: url });
  };

  return {
    origin,
    paths: ["/a"],
    answer: async (request, sender) => {
      if (request.method === "POST") return new Response("", { status: 404 });
      const authorization = request.headers.get("authorization");
      if (authorization === null) return ask();
      const paymentHash = authenticateFields(authority.verifier, { authorization })?.paymentHash;
      const act = random.pick(AFTER_PAYING);
      schedule.note(`${name} was paid: ${act}`);
      if (act === "402") {
        if (paymentHash !== undefined) oracle.refused(paymentHash);
        return ask();
      }
      if (act === "500") return new Response("", { status: 500 });
      if (act === "hang up") throw new TypeError("socket hang up");
      if (paymentHash !== undefined) oracle.served(acting.getStore()!, paymentHash, sender);
      if (act === "redirect")
        return new Response("", { status: 302, headers: { location: "https://evil.example/" } });
      return new Response(act === "garbage" ? "\u0000\uffff" : "served");
    },
  };
}
