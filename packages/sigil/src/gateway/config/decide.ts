/** The file of `sigil gateway decide`: who asks, and which requests may pass. */
import { BlockList, isIP } from "node:net";
import type { AmountText } from "l8nt";
import { parseAmount } from "l8nt/invoice";
import { z } from "zod";
import { PROXIES } from "../decide/original.ts";
import { LOG_LEVELS } from "./config.ts";
import { maxSilence, secret, store } from "./store.ts";
import { duration, origin, path } from "./texts.ts";

const PORT = "must be a number from 1 to 65535";
const MATCH = /^(\*|[A-Z][A-Z-]{0,31}) (\/\S*)$/;
const METERED =
  "is metered, and a decision sees no answer to settle by. Give the route a flat price, or serve it with `sigil gateway`";

const amount = z.string().transform((text, context): AmountText => {
  if (parseAmount(text) !== undefined) return text as AmountText;
  const message = text === "meter" ? METERED : 'must be an amount, such as "10 sat" or "0.01 usd"';
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const access = z
  .string()
  .transform((text, context): "free" | "credential" | "paid" => {
    if (text === "free" || text === "credential" || text === "paid") return text;
    context.addIssue({ code: "custom", message: "must be one of free, credential, paid" });
    return z.NEVER;
  })
  .meta({
    description:
      "free: anybody. credential: who has one, from which a price is taken. paid: who has one, and others are asked to pay.",
  });

const route = z
  .strictObject({
    match: z
      .string()
      .regex(MATCH, 'must be a method or *, a space, and a path, such as "GET /v1/**"')
      .meta({
        description: "A method or *, and a path: * is one segment, ** at its end the rest.",
      }),
    access,
    price: amount.optional().meta({ description: 'Of each request: "10 sat" or "0.01 usd".' }),
    capability: z.string().min(1).optional().meta({ description: "What the request does." }),
    grants: z
      .strictObject({
        uses: z.int().min(1).optional(),
        budget: amount.optional(),
        validFor: duration.optional(),
      })
      .optional()
      .meta({ description: "What one payment buys. By default one request." }),
  })
  .superRefine(({ access: who, price, grants }, context) => {
    const wrong = (key: string, message: string) =>
      context.addIssue({ code: "custom", path: [key], message });
    if (who === "free" && price !== undefined) wrong("price", "is of no use on a free route");
    if (who === "paid" && price === undefined)
      wrong("price", "is missing: what is paid for each request");
    if (who === "paid" && price !== undefined && parseAmount(price)?.unit !== "msat")
      wrong("price", 'must be in sat, because an invoice is: "10 sat"');
    if (who !== "paid" && grants !== undefined) wrong("grants", "is for routes that are paid");
  });

const listen = z.strictObject({
  host: z.string().min(1).default("127.0.0.1").meta({ description: "Address to listen at." }),
  port: z.int(PORT).min(1, PORT).max(65_535, PORT).default(8411),
  socket: path("The path of a socket of Unix, instead of an address and a port.").optional(),
});

export const decide = z
  .strictObject({
    proxy: z.enum(PROXIES).meta({ description: "The proxy that asks." }),
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
      .default("sigil-decide")
      .meta({ description: "The folder with the secret and the books, made if it is missing." }),
    store: store.optional(),
    secret: secret.optional(),
    maxSilence: maxSilence.default("10s"),
    logLevel: z.enum(LOG_LEVELS).default("info"),
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

/** The method and the path of `match`. */
export function partsOf(match: string): { readonly method: string; readonly path: string } {
  const [, method = "", rest = ""] = MATCH.exec(match) ?? [];
  return { method, path: rest };
}
