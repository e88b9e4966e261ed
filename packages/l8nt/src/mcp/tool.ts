/**
 * Tools that cost something, whatever their server is reached by: each call is judged as a request
 * for the tool's URL. spec/8-mcp.md §2.
 */
import { utf8 } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type AmountText, parseAmount } from "../invoice/index.ts";
import { settle } from "../node/settlement.ts";
import type { Grant, Grants, Paywall } from "../service/index.ts";
import { refusalResult } from "./refusal.ts";
import {
  type CallContext,
  headersOf,
  isToolName,
  members,
  metaOf,
  PAYMENT_CREDENTIAL,
  PAYMENT_RECEIPT,
  presentedBy,
  signalOf,
  type ToolResult,
  toolPath,
} from "./wire.ts";

/** One call, as its client wrote it. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** `"10 sat"`, or a function of the call; `"0 sat"` is free. */
export type ToolPrice = AmountText | ((call: ToolCall) => AmountText | Promise<AmountText>);

export interface ToolTerms {
  readonly price: ToolPrice;
  /** What one payment buys. One call, where it is not given. */
  readonly grants?: Grants;
  /**
   * The peer's address, from something that only a trusted proxy can have written. Without it all
   * clients share one rate of challenges, which is as it should be on a pipe.
   */
  readonly clientAddress?: (context: CallContext) => string | undefined;
}

/** `McpServer` of either major. */
export interface ToolServer<Tool> {
  registerTool(name: string, config: never, callback: never): Tool;
}

/**
 * What a handler is called with: the output of its schema, in either form that the SDK takes one.
 */
export type ArgumentsOf<Schema> = Schema extends {
  readonly "~standard": { readonly types?: infer Types };
}
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : Record<string, unknown>
  : Schema extends object
    ? { [Key in keyof Schema]: ArgumentsOf<Schema[Key]> }
    : Record<string, never>;

export interface PaidToolOptions<Schema = unknown> extends ToolTerms {
  readonly paywall: Paywall;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema?: Schema;
  readonly outputSchema?: unknown;
  readonly annotations?: object;
  readonly icons?: readonly object[];
  /** Of 2.x. */
  readonly scopeChallenge?: unknown;
  readonly _meta?: Record<string, unknown>;
}

const TERMS = { price: true, grants: true, clientAddress: true } satisfies Keys<ToolTerms>;
const TOOL = {
  ...TERMS,
  paywall: true,
  title: true,
  description: true,
  inputSchema: true,
  outputSchema: true,
  annotations: true,
  icons: true,
  scopeChallenge: true,
  _meta: true,
} satisfies Keys<PaidToolOptions>;

/** The SDK's own result type differs between majors, and is the handler's to meet. */
type Answer = object | Promise<object>;

interface Handling<Schema> {
  handle(args: ArgumentsOf<Schema>, context: CallContext, grant: Grant): Answer;
}
/** As a method's type, so that a handler may name the context by its SDK's own type. */
export type PaidHandler<Schema> = Handling<Schema>["handle"];

/**
 * Registers a tool that costs something. What it is called with has been checked by its schema, and
 * paid for. A handler that throws gives the use back.
 *
 * @throws TypeError for terms that could not be sold, and for a name that could stand in no URL
 * @example
 * const inputSchema = z.object({ city: z.string() });
 * paidTool(server, "forecast", { paywall, price: "10 sat", inputSchema }, ({ city }) => ({
 *   content: [{ type: "text", text: `${city}: sunny` }],
 * }));
 */
export function paidTool<Tool, Schema = undefined>(
  server: ToolServer<Tool>,
  name: string,
  options: PaidToolOptions<Schema>,
  handler: PaidHandler<Schema>,
): Tool {
  checkKeys(options, TOOL, "a paid tool");
  if (whole.has(server))
    throw new TypeError(
      "every tool of this server is paid for already: give paidTools the price of this one",
    );
  const { paywall, price, grants, clientAddress, ...config } = options;
  const guarded = guard(paywall, name, options);
  const callback =
    config.inputSchema === undefined
      ? (context: CallContext) =>
          guarded({}, context, (grant) => handler({} as ArgumentsOf<Schema>, context, grant))
      : (args: ArgumentsOf<Schema>, context: CallContext) =>
          guarded(args, context, (grant) => handler(args, context, grant));
  return server.registerTool(name, config as never, callback as never);
}

export interface PaidToolsOptions extends ToolTerms {
  readonly paywall: Paywall;
  /** By the name of a tool, where its price is another one. */
  readonly tools?: Readonly<Record<string, ToolPrice>>;
}

const TOOLS = { ...TERMS, paywall: true, tools: true } satisfies Keys<PaidToolsOptions>;

/** The servers all of whose tools are paid for. */
const whole = new WeakSet<object>();

type Register = (name: string, ...rest: unknown[]) => unknown;

/**
 * Puts the paywall before every tool that is registered from here on, in place.
 *
 * @throws TypeError for terms that could not be sold, and for a server that has tools already
 * @example
 * paidTools(server, { paywall, price: "10 sat", tools: { status: "0 sat" } });
 */
export function paidTools<Server extends ToolServer<unknown>>(
  server: Server,
  options: PaidToolsOptions,
): Server {
  checkKeys(options, TOOLS, "a server of paid tools");
  const { paywall, price, tools = {} } = options;
  for (const one of [price, ...Object.values(tools)]) checkPrice(one);
  const priced = new Map(Object.entries(tools));
  const registering = server as unknown as Record<string, Register | undefined>;
  if (Object.keys(members(registering._registeredTools)).length > 0)
    throw new TypeError(
      "paidTools comes before the server's tools: those that are there already would be free",
    );
  whole.add(server);
  // `tool` is the older name in 1.x. What both are given last is the handler.
  for (const method of ["registerTool", "tool"]) {
    const register = registering[method]?.bind(server);
    if (register === undefined) continue;
    registering[method] = (name, ...rest) => {
      const callback = rest.pop() as (...of: unknown[]) => Answer;
      const guarded = guard(paywall, name, { ...options, price: priced.get(name) ?? price });
      // A tool without a schema is called with its context alone.
      return register(name, ...rest, (...of: unknown[]) =>
        guarded(of.length > 1 ? of[0] : {}, members(of.at(-1)), () => callback(...of)),
      );
    };
  }
  return server;
}

/** @throws TypeError */
export function checkPrice(price: unknown): void {
  if (typeof price !== "function" && parseAmount(price) === undefined)
    throw new TypeError(
      'a price is an amount with its unit, such as "10 sat", or a function of the call',
    );
}

type Guarded = (
  args: unknown,
  context: CallContext,
  run: (grant: Grant) => Answer,
) => Promise<ToolResult | object>;

function guard(paywall: Paywall, name: string, terms: ToolTerms): Guarded {
  const { price, grants, clientAddress } = terms;
  if (!isToolName(name))
    throw new TypeError("a paid tool's name is 1 to 128 letters, digits, and any of _ - .");
  checkPrice(price);
  const { origin } = new URL(paywall.authority.location);
  const url = origin + toolPath(name);
  const route = paywall.route({
    price:
      typeof price === "function"
        ? async ({ json }) => price({ name, arguments: members(await json()) })
        : price,
    ...(grants !== undefined && { grants }),
    capability: name,
  });
  return async (args, context, run) => {
    const decision = await route.authorize({
      method: "POST",
      target: toolPath(name),
      ...presentedBy(context),
      clientAddress: clientAddress?.(context),
      headers: () => headersOf(context),
      // A call is priced as a request for the tool's URL, with the arguments as its body.
      body: async () => utf8(JSON.stringify(args)),
      json: async () => args,
    });
    if (!decision.granted) return refusalResult(decision, name, url);
    let delivered = false;
    try {
      const result = await run(decision.grant);
      // A question back is no answer yet: the same call comes again, with what was asked for.
      delivered = members(result).resultType !== "input_required";
      return delivered ? withReceipt(result, context, decision.grant) : result;
    } catch (error) {
      // Whoever hangs up was served.
      delivered = signalOf(context)?.aborted === true;
      throw error;
    } finally {
      await settle(decision, delivered);
    }
  };
}

/** For a client of the "Payment" scheme, which is told that its own challenge was met. */
function withReceipt(result: object, context: CallContext, { paymentHash }: Grant): object {
  const { challenge } = members(members(metaOf(context))[PAYMENT_CREDENTIAL]);
  if (challenge === undefined || paymentHash === undefined) return result;
  const receipt = {
    status: "success",
    method: "lightning",
    timestamp: new Date().toISOString(),
    challengeId: members(challenge).id,
    reference: paymentHash,
  };
  return { ...result, _meta: { ...members(members(result)._meta), [PAYMENT_RECEIPT]: receipt } };
}
