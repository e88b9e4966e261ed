/** An API's own OpenAPI document, with the prices of its routes. spec/3-challenge.md §6. */
import { type Amount, parseAmount } from "../amount.ts";
import type { EndpointPattern } from "../caveat/endpoint.ts";
import { matchesEndpoint, targetAt } from "../caveat/index.ts";
import { readBase } from "../caveat/target.ts";
import type { RouteDescription } from "./open-routes.ts";
import { readPathPattern } from "./path-pattern.ts";

type Json = { readonly [name: string]: unknown };

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;
const SCHEME = "L402";
const RESPONSE = "L402PaymentRequired";
/**
 * A template stands for each path that it can be. A route that fixes a part of it to a text matches
 * one of these at the most, so that the template does not get its price.
 */
const STAND_INS = ["x", "7"] as const;
const ORIGIN = readBase("https://any.example")!.origin;

interface Offer {
  readonly pattern: EndpointPattern;
  readonly description: RouteDescription;
}

/** @throws TypeError for what is no OpenAPI 3 document */
export function withPrices<Document extends object>(
  document: Document,
  routes: readonly RouteDescription[],
): Document {
  const { openapi, paths = {}, security, components = {} } = document as Json;
  if (typeof openapi !== "string" || !openapi.startsWith("3.") || !isObject(paths))
    throw new TypeError('paywall.openapi takes an OpenAPI 3 document: { openapi: "3.1.0", paths }');
  const offers = routes.flatMap((description): readonly Offer[] => {
    const pattern = description.path === undefined ? undefined : readPathPattern(description.path);
    return pattern === undefined || isFree(description) ? [] : [{ pattern, description }];
  });
  const all = isList(security) ? security : [];
  const priced = mapped(paths, (item, template) =>
    isObject(item) ? mapped(item, (operation, method) => sold(operation, template, method)) : item,
  );
  return { ...document, paths: priced, components: withScheme(components) };

  function sold(operation: unknown, template: string, method: string): unknown {
    if (!isObject(operation) || !(METHODS as readonly string[]).includes(method)) return operation;
    const targets = STAND_INS.map((one) =>
      targetAt(method.toUpperCase(), ORIGIN, template.replace(/\{[^}]*\}/g, one)),
    );
    const found = offers
      .filter(({ pattern }) =>
        targets.every((target) => target !== undefined && matchesEndpoint(pattern, target)),
      )
      .map(({ description }) => description);
    return found.length === 0 ? operation : pricedOperation(operation, found, all);
  }
}

function pricedOperation(
  operation: Json,
  offers: readonly RouteDescription[],
  all: readonly unknown[],
): Json {
  const own = isList(operation.security) ? operation.security : all;
  const before = own.length === 0 ? [{}] : own;
  const hasFree = offers.some(({ free }) => free?.by === "address");
  const responses = isObject(operation.responses) ? operation.responses : {};
  const sells = offers.some(({ price }) => isSold(price));
  return {
    ...operation,
    ...(sells && { "x-payment-info": { price: priceOf(offers), protocols: [{ l402: {} }] } }),
    "x-l402": offers.map(({ path: _, ...offer }) => offer),
    security: [
      ...before.map((needed) => ({ ...(needed as Json), [SCHEME]: [] })),
      ...(hasFree ? before : []),
    ],
    responses: {
      ...(sells && { 402: { $ref: `#/components/responses/${RESPONSE}` } }),
      ...responses,
    },
  };
}

/** As it is written by others: in whole coins of a currency. */
function priceOf(offers: readonly RouteDescription[]): Json {
  const [first, ...others] = offers;
  const amount = parseAmount(first!.price ?? undefined);
  if (amount === undefined || others.some(({ price }) => price !== first!.price))
    return { mode: "dynamic", currency: "BTC" };
  return { mode: "fixed", currency: "BTC", amount: inCoins(amount) };
}

const MSAT_DIGITS = 11;

function inCoins({ value }: Amount): string {
  const digits = value.toString().padStart(MSAT_DIGITS + 1, "0");
  const decimals = digits.slice(-MSAT_DIGITS).replace(/0+$/, "");
  const whole = digits.slice(0, -MSAT_DIGITS);
  return decimals === "" ? whole : `${whole}.${decimals}`;
}

const isFree = ({ price }: RouteDescription): boolean =>
  parseAmount(price ?? undefined)?.value === 0n;

/** Nothing is sold at a price in US dollars, or without one. */
export const isSold = (price: string | null): boolean => {
  const amount = parseAmount(price ?? undefined);
  return price !== null && (amount === undefined || amount.unit === "msat");
};

function withScheme(components: unknown): Json {
  const own = isObject(components) ? components : {};
  const part = (name: string): Json => {
    const value = own[name];
    return isObject(value) ? value : {};
  };
  return {
    ...own,
    securitySchemes: {
      [SCHEME]: {
        type: "http",
        scheme: SCHEME,
        description:
          "An L402 credential: Authorization: L402 <macaroon>:<preimage>. The answer 402 has a macaroon and a Lightning invoice; paying the invoice gives the preimage.",
      },
      ...part("securitySchemes"),
    },
    responses: {
      [RESPONSE]: {
        description:
          "Payment is required: pay the invoice of the challenge, and send the request again.",
        headers: {
          "WWW-Authenticate": {
            description: 'L402 version="0", token="…", macaroon="…", invoice="…"',
            schema: { type: "string" },
          },
        },
        content: { "application/problem+json": { schema: { type: "object" } } },
      },
      ...part("responses"),
    },
  };
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const mapped = (object: Json, map: (value: unknown, name: string) => unknown): Json =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value, name)]));
