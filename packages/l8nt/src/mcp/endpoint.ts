/**
 * A paywall before a whole MCP server over streamable HTTP: it answers 402 before the server sees a
 * call. spec/8-mcp.md §4.
 */
import { AdapterError } from "../errors.ts";
import { parseJson, readJsonText } from "../http/body.ts";
import { hasFewParts } from "../http/json-text.ts";
import { utf8 } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type AmountText, parseAmount } from "../invoice/index.ts";
import { mentionsCredential } from "../l402/authorization.ts";
import { isWellKnown } from "../node/facts.ts";
import { settle } from "../node/settlement.ts";
import { factsOf } from "../service/facts.ts";
import { headersWithoutCredential } from "../service/forwarded.ts";
import type { Grant, Grants, Paywall } from "../service/index.ts";
import { settledResponse } from "../service/settled.ts";
import { strippedRequest } from "../service/stripped.ts";
import { Refused } from "../wire/problem.ts";
import { rpcRefusal } from "./rpc-error.ts";
import { messageWithoutCredential } from "./stripped.ts";
import { checkPrice, type ToolCall, type ToolPrice } from "./tool.ts";
import { authorizationIn, isToolName, members } from "./wire.ts";

export interface PaidEndpointOptions {
  readonly paywall: Paywall;
  /** The price of every tool that `tools` does not name. */
  readonly price: ToolPrice;
  readonly tools?: Readonly<Record<string, ToolPrice>>;
  /** Prices of other methods, such as `tools/list`. A method that is not named is free. */
  readonly methods?: Readonly<Record<string, AmountText>>;
  /**
   * What one payment buys: calls of the price that was paid, or a lower one.
   *
   * @default one call
   */
  readonly grants?: Grants;
  /** @default 4 MiB */
  readonly maxBodyBytes?: number;
  /** The peer's address, from a source that only a trusted proxy can write. */
  readonly clientAddress?: (request: Request) => string | undefined;
}

const OPTIONS = {
  paywall: true,
  price: true,
  tools: true,
  methods: true,
  grants: true,
  maxBodyBytes: true,
  clientAddress: true,
} satisfies Keys<PaidEndpointOptions>;
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** @param grant of a call that was judged; undefined for a message that is free */
type Endpoint = (request: Request, grant?: Grant) => Response | Promise<Response>;

/**
 * Puts the paywall before an MCP server's streamable HTTP handler. `initialize`, lists and
 * notifications are free. Answers `/.well-known/l402` too.
 *
 * @throws TypeError for terms that cannot be sold
 * @example
 * const paid = paidEndpoint({ paywall, price: "10 sat" }, (request) => handler.fetch(request));
 * await serve(paid, { port: 8402 });
 */
export function paidEndpoint(
  options: PaidEndpointOptions,
  handler: Endpoint,
): (request: Request) => Promise<Response> {
  checkKeys(options, OPTIONS, "a paid endpoint");
  const { paywall, price, tools = {}, methods = {}, grants, clientAddress } = options;
  const { maxBodyBytes = MAX_BODY_BYTES } = options;
  for (const one of [price, ...Object.values(tools)]) checkPrice(one);
  for (const one of Object.values(methods))
    if (parseAmount(one) === undefined) checkPrice(undefined);
  const prices = new Map(Object.entries(tools));
  const methodPrices = new Map(Object.entries(methods));
  const route = paywall.route({
    // A function, so that a payment is capped at the price of its call and buys no dearer one.
    // [case 41]
    price: async ({ json }) => {
      const { call, amount } = pricedIn(await json())!;
      return typeof amount === "function" ? amount(call!) : amount;
    },
    ...(grants !== undefined && { grants }),
  });

  function pricedIn(message: unknown): Priced | undefined {
    const { method, params } = members(message);
    if (method !== "tools/call") {
      const amount = typeof method === "string" ? methodPrices.get(method) : undefined;
      return amount === undefined ? undefined : { amount, call: undefined, part: { method } };
    }
    const { name, arguments: args } = members(params);
    if (!isToolName(name))
      throw unclear("The call names no tool, or a name that MCP does not allow");
    const call = { name, arguments: members(args) };
    return { amount: prices.get(name) ?? price, call, part: { method, params: call } };
  }

  /** The price of a body that can be read in one way only. @throws AdapterError `ERR_REQUEST` */
  function read(message: unknown): Priced | undefined {
    if (!Array.isArray(message)) {
      checkSpelling(message);
      return pricedIn(message);
    }
    for (const one of message) checkSpelling(one);
    if (message.some((one) => pricedIn(one) !== undefined))
      throw unclear("A call that costs something must be sent alone, and not in a batch");
    return undefined;
  }

  return async (request) => {
    // Holders of credentials revoke here.
    const known = isWellKnown(new URL(request.url).pathname)
      ? await paywall.wellKnown(request)
      : undefined;
    if (known !== undefined) return known;
    if (request.method !== "POST") return handler(strippedRequest(request));
    let message: unknown;
    let priced: Priced | undefined;
    try {
      const text = await readJsonText(request, maxBodyBytes);
      if (!hasFewParts(text, MAX_PARTS)) throw unclear("The message has too many members");
      message = parseJson(text);
      if (isDeeperThan(MAX_DEPTH, message)) throw unclear("The message is nested too deeply");
      priced = read(message);
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      return rpcRefusal(new Refused(error), message);
    }
    if (priced === undefined) return handler(onward(request, message));
    const facts = factsOf(request, clientAddress?.(request));
    const inBand = authorizationIn(members(members(message).params)._meta);
    const field = mentionsCredential(facts.authorization ?? "") ? facts.authorization : undefined;
    const decision = await route.authorize({
      ...facts,
      authorization:
        inBand === undefined ? facts.authorization : [inBand, field].filter(Boolean).join(", "),
      capability: priced.call?.name,
      // Tells a repeated message from another one. A credential is no part of it.
      body: async () => utf8(JSON.stringify(messageWithoutCredential(message))),
      json: async () => priced.part,
    });
    if (decision instanceof Refused) return rpcRefusal(decision, message);
    if (!decision.granted) return decision.response;
    let response: Response;
    try {
      response = await handler(onward(request, message), decision.grant);
    } catch (error) {
      await settle(decision, undefined);
      throw error;
    }
    return settledResponse(response, decision, (status) => settle(decision, status));
  };
}

interface Priced {
  readonly amount: ToolPrice;
  /** Undefined for a method that is no tool call. */
  readonly call: ToolCall | undefined;
  /**
   * The part of the message that the price is for. The message has an id and a credential too,
   * which are others when the call is paid for.
   */
  readonly part: object;
}

const unclear = (what: string): AdapterError =>
  new AdapterError("ERR_REQUEST", `${what}, so it is not served.`);

/** Members and elements. More of them would take the parser long, for a caller who has not paid. */
const MAX_PARTS = 50_000;
/** What is nested more deeply cannot be written again, nor read by every parser. */
const MAX_DEPTH = 256;

/** Without recursion, which deep JSON would end. [case 115] */
function isDeeperThan(depth: number, message: unknown): boolean {
  let level: readonly unknown[] = [message];
  for (let at = 0; level.length > 0; at++) {
    if (at > depth) return true;
    level = level.flatMap((value) => Object.values(members(value)));
  }
  return false;
}

/** A server that ignores the case of names would read another call than the paywall did. */
function checkSpelling(message: unknown): void {
  const names = [
    ...Object.keys(members(message)),
    ...Object.keys(members(members(message).params)),
  ];
  if (names.some((name) => CALL.test(name) && name !== name.toLowerCase()))
    throw unclear("The message has a member whose name differs from another one in case only");
}

const CALL = /^(?:method|params|name|arguments)$/i;

const OF_THE_BODY = ["content-length", "content-encoding", "transfer-encoding"];

/**
 * The request with the message that was read. The bytes are not forwarded: another parser may find
 * another call in them. [case 42] Free or paid, it goes on without the credential, which the server
 * behind could only leak. [case 94]
 */
function onward({ url, method, signal, headers: given }: Request, message: unknown): Request {
  const headers = headersWithoutCredential(given);
  for (const name of OF_THE_BODY) headers.delete(name);
  // The body is UTF-8 now, whatever its charset was.
  const [type] = (headers.get("content-type") ?? "").split(";");
  if (type) headers.set("content-type", type);
  const body = JSON.stringify(messageWithoutCredential(message));
  return new Request(url, { method, headers, body, signal });
}
