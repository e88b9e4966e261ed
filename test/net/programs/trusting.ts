/**
 * Asks for the keys of issuers as a service that trusts them does, and prints for each what comes
 * of it: `trusting.ts OPTIONS ISSUER...`. OPTIONS are JSON.
 */
import { Minter } from "l8nt/biscuit";
import { Paywall } from "l8nt/service";

interface Options {
  readonly allowPrivateIssuers?: boolean;
  /** How often each is asked. @default 1 */
  readonly times?: number;
}

const [given = "{}", ...issuers] = process.argv.slice(2);
const { allowPrivateIssuers = false, times = 1 } = JSON.parse(given) as Options;
const location = "https://api.example";
const scope = { endpoints: [`GET ${location}/**`], expiresIn: "90d" } as const;
const told: Record<string, readonly string[]> = {};
for (const issuer of issuers) {
  const codes: string[] = [];
  let now = Date.now() / 1000;
  const paywall = new Paywall({
    location,
    trust: [issuer],
    allowPrivateIssuers,
    clock: () => now,
    alarm: (_, cause) => codes.push(String((cause as { code?: string }).code)),
  });
  // Of a key that is not the issuer's: what was fetched decides between two refusals.
  const credential = new Minter({ privateKey: "77".repeat(32), issuer, keyId: 1 }).mint(scope);
  const unknown = new Minter({ privateKey: "77".repeat(32), issuer, keyId: 2 }).mint(scope);
  for (let at = 0; at < times; at++) {
    for (const one of [credential, unknown].slice(0, at === 0 ? 1 : 2).reverse()) {
      const headers = { authorization: `L402 ${one}` };
      const decision = await paywall.authorize(new Request(`${location}/a`, { headers }));
      if (decision.granted) throw new Error("it was let in");
      if (one === credential)
        codes.push(((await decision.response.json()) as { code: string }).code);
    }
    now += 60;
  }
  told[issuer] = codes;
}
console.log(JSON.stringify(told));
