/**
 * Paid tools of an MCP server, on any transport: each call is judged as a request for the URL of
 * the tool. spec/8-mcp.md §2.
 */
import { readBase } from "../caveat/index.ts";
import { utf8, utf8Text } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type AmountText, parseAmount } from "../invoice/index.ts";
import { settle } from "../node/settlement.ts";
import { Answered } from "../service/answered.ts";
import type { Grant, Granted, Grants, Paywall } from "../service/index.ts";
import { answerOf } from "../service/repeats.ts";
import { isConsumed } from "../wire/consumption.ts";
import { refusalResult } from "./refusal.ts";
import { contextWithoutCredential } from "./stripped.ts";
import {
  type CallContext,
  headersOf,
  idempotencyKeyOf,
  isToolName,
  members,
  metaOf,
  PAYMENT_CREDENTIAL,
  PAYMENT_RECEIPT,
  preferOf,
  presentedBy,
  signalOf,
  type ToolResult,
  toolPath,
  USE,
} from "./wire.ts";

/** One call of a tool, as the client wrote it. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** The price of a call: `"10 sat"`, or a function of the call. `"0 sat"` is free. */
export type ToolPrice = AmountText | ((call: ToolCall) => AmountText | Promise<AmountText>);

export interface ToolTerms {
  readonly price: ToolPrice;
  /**
   * What one payment buys.
   *
   * @default one call
   */
  readonly grants?: Grants;
  /**
   * The peer's address, from a source that only a trusted proxy can write. Without it all clients
   * share one rate of challenges, which is right on a pipe.
   */
  readonly clientAddress?: (context: CallContext) => string | undefined;
}

/** `McpServer` of either major of the SDK. */
export interface ToolServer<Tool> {
  registerTool(name: string, config: never, callback: never): Tool;
}

/** The arguments of a handler: the output of its schema, in either form that the SDK accepts. */
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
  /** Of version 2.x of the SDK. */
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

/** The SDK's result type differs between majors, so the handler's own type is kept. */
type Answer = object | Promise<object>;

interface Handling<Schema> {
  handle(args: ArgumentsOf<Schema>, context: CallContext, grant: Grant): Answer;
}
/** The type of a method, so that a handler may name the context by the type of its SDK. */
export type PaidHandler<Schema> = Handling<Schema>["handle"];

/**
 * Registers a paid tool. Its handler is called with arguments that the schema accepted, after the
 * payment. A handler that throws, or calls `grant.release()`, gives the use back.
 *
 * @throws TypeError for terms that cannot be sold, and for a name that cannot stand in a URL
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
      "every tool of this server is paid already: name the price of this one in the tools option of paidTools",
    );
  const { paywall, price, grants, clientAddress, ...config } = options;
  const guarded = guard(paywall, name, options);
  const callback =
    config.inputSchema === undefined
      ? (context: CallContext) =>
          guarded({}, context, (kept, grant) => handler({} as ArgumentsOf<Schema>, kept, grant))
      : (args: ArgumentsOf<Schema>, context: CallContext) =>
          guarded(args, context, (kept, grant) => handler(args, kept, grant));
  return server.registerTool(name, config as never, callback as never);
}

export interface PaidToolsOptions extends ToolTerms {
  readonly paywall: Paywall;
  /** Prices of single tools, by name, that differ from `price`. */
  readonly tools?: Readonly<Record<string, ToolPrice>>;
}

const TOOLS = { ...TERMS, paywall: true, tools: true } satisfies Keys<PaidToolsOptions>;

/** The servers that `paidTools` was called for. */
const whole = new WeakSet<object>();

type Register = (name: string, ...rest: unknown[]) => unknown;

/**
 * Puts the paywall before every tool that is registered later; returns the same server.
 *
 * @throws TypeError for terms that cannot be sold, and for a server that has tools already
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
      "call paidTools before the first tool is registered: a tool that is registered already would be free",
    );
  whole.add(server);
  // `tool` is the older name in 1.x. The last argument of both is the handler.
  for (const method of ["registerTool", "tool"]) {
    const register = registering[method]?.bind(server);
    if (register === undefined) continue;
    registering[method] = (name, ...rest) => {
      const callback = rest.pop() as (...of: unknown[]) => Answer;
      const guarded = guard(paywall, name, { ...options, price: priced.get(name) ?? price });
      // The SDK calls a tool without a schema with the context alone.
      return register(name, ...rest, (...of: unknown[]) =>
        guarded(of.length > 1 ? of[0] : {}, members(of.at(-1)), (kept) =>
          callback(...of.slice(0, -1), kept),
        ),
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
  run: (context: CallContext, grant: Grant) => Answer,
) => Promise<ToolResult | object>;

function guard(paywall: Paywall, name: string, terms: ToolTerms): Guarded {
  const { price, grants, clientAddress } = terms;
  if (!isToolName(name))
    throw new TypeError(
      "the name of a paid tool must be 1 to 128 letters, digits, and any of _ - .",
    );
  checkPrice(price);
  const url = readBase(paywall.authority.location)!.text + toolPath(name);
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
      idempotencyKey: idempotencyKeyOf(context),
      prefer: preferOf(context),
      clientAddress: clientAddress?.(context),
      isGone: () => signalOf(context)?.aborted === true,
      headers: () => headersOf(context),
      // A call is priced as a request for the tool's URL, with the arguments as its body.
      body: async () => utf8(JSON.stringify(args)),
      json: async () => args,
    });
    if (decision instanceof Answered) return JSON.parse(utf8Text(decision.answer.body)!) as object;
    if (!decision.granted) return refusalResult(decision, name, url);
    const keep = decision.keeper();
    let status: number | undefined;
    try {
      const result = await run(contextWithoutCredential(context), decision.grant);
      // A question back is no answer: the same call is repeated with the input that it asked for.
      if (members(result).resultType !== "input_required") status = OK;
      const paid = status === undefined ? result : withReceipt(result, context, decision.grant);
      const answer = withUse(paid, decision, status);
      keep?.(answerOf(OK, [], utf8(JSON.stringify(answer))));
      return answer;
    } catch (error) {
      status = FAILED;
      if (!decision.claimed || members(error).code === URL_ELICITATION_REQUIRED) throw error;
      const answer = withUse(failure(error), decision, status);
      keep?.(answerOf(OK, [], utf8(JSON.stringify(answer))));
      return answer;
    } finally {
      // Does nothing if an answer was kept.
      keep?.(undefined);
      await settle(decision, status);
    }
  };
}

/** The statuses of HTTP whose meaning a result has. */
const OK = 200;
const FAILED = 500;
/** The one error of a handler that the SDK does not make a result of. */
const URL_ELICITATION_REQUIRED = -32_042;

/** The result that the SDK makes of an error, made here to say what became of the use. */
const failure = (error: unknown): ToolResult => ({
  content: [{ type: "text", text: error instanceof Error ? error.message : String(error) }],
  isError: true,
});

/** Says in the result what became of the use, if a client would not expect it. */
function withUse(result: object, granted: Granted, status: number | undefined): object {
  if (!granted.claimed) return result;
  const head = status === undefined ? undefined : { method: "POST", status };
  const use = granted.declared() ?? (isConsumed(head) ? undefined : "released");
  if (use === undefined) return result;
  return { ...result, _meta: { ...members(members(result)._meta), [USE]: use } };
}

/** Adds the receipt that a client of the "Payment" scheme expects. */
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
