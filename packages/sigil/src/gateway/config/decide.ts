/** The file of `sigil gateway decide`: who asks, and which requests may pass. */
import { BlockList, isIP } from "node:net";
import type { AmountText } from "l8nt";
import { parseAmount } from "l8nt/invoice";
import { z } from "zod";
import type { DecidedRule } from "../decide/decider.ts";
import { ASKERS } from "../decide/original.ts";
import { alerts } from "./alerts.ts";
import { books } from "./books.ts";
import { LOG_LEVELS } from "./config.ts";
import { trustedProxies } from "./listen.ts";
import { metrics } from "./metrics.ts";
import { contradictions, fields, ruleOf, unitOf } from "./route.ts";
import { maxSilence, secret, store } from "./store.ts";
import { duration, origin, path } from "./texts.ts";
import { allowPrivateIssuers, trust } from "./trust.ts";

const PORT = "must be a number from 1 to 65535";
const METERED =
  "is metered, and a decision sees no answer to settle by. Give the route a flat price, or serve it with `sigil gateway`";

const amount = z.string().transform((text, context): AmountText => {
  if (parseAmount(text) !== undefined) return text as AmountText;
  context.addIssue({ code: "custom", message: 'must be an amount, such as "100 sat"' });
  return z.NEVER;
});

const grants = z
  .strictObject({
    uses: z.int().min(1).optional(),
    budget: amount.optional(),
    validFor: duration.optional(),
  })
  .meta({ description: "What one payment buys. By default one request." });

/** As a route of the gateway, without a meter and the vendor's key. */
const route = fields
  .omit({ withKey: true })
  .extend({ grants: grants.optional() })
  .superRefine((given, context) => {
    const { access, price, grants: bought } = given;
    const wrong = (key: string, message: string) =>
      context.addIssue({ code: "custom", path: [key], message });
    if (price === "meter") return wrong("price", METERED);
    for (const [key, message] of contradictions(given)) wrong(key, message);
    if (access === "paid" && price === undefined)
      wrong("price", "is missing: what is paid for each request");
    else if (access === "paid" && unitOf(price) !== "msat")
      wrong("price", 'must be in sat, because an invoice is: "10 sat"');
    if (access !== "paid" && bought !== undefined) wrong("grants", "is for routes that are paid");
  })
  .transform(
    ({ grants: bought, ...rest }): DecidedRule => ({
      ...ruleOf(rest),
      ...(bought && { grants: bought as DecidedRule["grants"] & object }),
    }),
  );

const listen = z.strictObject({
  host: z.string().min(1).default("127.0.0.1").meta({ description: "Address to listen at." }),
  port: z.int(PORT).min(1, PORT).max(65_535, PORT).default(8411),
  socket: path("The path of a socket of Unix, instead of an address and a port.").optional(),
  trustedProxies: trustedProxies.optional(),
});

export const DECIDE_FOLDER = "sigil-decide";

export const decide = z
  .strictObject({
    proxy: z
      .enum(ASKERS)
      .meta({ description: "The proxy that asks; `application`: a program that asks itself." }),
    location: origin("Where clients reach the proxy. Credentials name it."),
    listen: listen.prefault({}),
    proxyKey: z
      .string()
      .regex(
        /^(?:env|file|cmd):/,
        "must say where the key is, and not be the key itself: env:NAME, file:/path, or cmd:program arguments",
      )
      .optional()
      .meta({ description: "What the proxy must send as Sigil-Proxy-Key, if others can ask too." }),
    dir: z
      .string()
      .min(1)
      .default(DECIDE_FOLDER)
      .meta({ description: "The folder with the secret and the books, made if it is missing." }),
    store: store.optional(),
    secret: secret.optional(),
    trust: trust.default([]),
    allowPrivateIssuers,
    maxSilence: maxSilence.default("10s"),
    logLevel: z.enum(LOG_LEVELS).default("info"),
    books: books.prefault({}),
    metrics: metrics.optional(),
    alerts: alerts.prefault({}),
    routes: z.array(route).min(1).meta({ description: "The first that matches; else denied." }),
  })
  .superRefine(({ listen: { host, socket }, proxyKey }, context) => {
    if (socket !== undefined || proxyKey !== undefined || isLoopback(host)) return;
    context.addIssue({
      code: "custom",
      path: ["proxyKey"],
      message:
        "is missing: others than the proxy can reach this address. Or listen at 127.0.0.1, or at a socket",
    });
  });

export type DecideConfig = z.output<typeof decide>;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === "localhost";
  return loopback.check(host, family === 4 ? "ipv4" : "ipv6");
}
