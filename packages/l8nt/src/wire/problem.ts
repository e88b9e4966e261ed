/**
 * Problem details (RFC 9457): what every HTTP end of Sigil answers if it refuses, as data, as text,
 * and read back to the error that it was. spec/3-challenge.md §5.
 */
import { formatAmount, msat } from "../amount.ts";
import { ERRORS, type ErrorClass } from "../error-codes.ts";
import {
  AdapterError,
  BudgetError,
  ChallengeError,
  DeniedError,
  type ErrorCode,
  PaymentError,
  ReceiptError,
  type Refusal,
  type SigilError,
  type SigilErrorOptions,
  type Spent,
  TokenError,
} from "../errors.ts";
import { readJson } from "../http/body.ts";
import { exposed } from "../http/exposed.ts";
import { NO_INVOICE } from "../http/prefer.ts";
import { utf8Text } from "../internal/bytes.ts";
import type { UnverifiedInvoice } from "../invoice/read.ts";
import { bareLine, type Challenge, challengeLines } from "../l402/challenge-lines.ts";
import { grpcFields } from "./grpc.ts";
import { problemPlace } from "./problem-place.ts";
import { VARY_NAMES } from "./vary.ts";

/** The members of a problem; never a credential. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly [member: string]: unknown;
}

/** The class of a code and the status of an answer with it; undefined for an unknown code. */
function rowOf(code: string): readonly [ErrorClass, status: number] | undefined {
  for (const [name, codes] of Object.entries(ERRORS) as [ErrorClass, Record<string, number>][])
    if (Object.hasOwn(codes, code)) return [name, codes[code]!];
  return undefined;
}

/**
 * The HTTP status of an error, by its code. 402 is never among them: only a service that can sell
 * to the caller answers it.
 */
export const statusOf = (error: SigilError): number => rowOf(error.code)?.[1] ?? 503;

/** What a service offers for sale beside a refusal: the challenge, and its invoice, decoded. */
export interface Offer {
  readonly challenge: Challenge;
  readonly invoice: UnverifiedInvoice;
  /** Unix seconds by the clock that judges the credential. */
  readonly at: number;
}

/** What would be sold for an invoice, which was not made. */
export interface Uninvoiced {
  /** Unix seconds by the clock that judges the credential. */
  readonly at: number;
}

export interface RefusedOptions {
  /** @default the status of the error's code */
  readonly status?: number;
  /** Makes the answer 402. */
  readonly offer?: Offer;
  /** Makes the answer 402, without the challenge that the client prefers not to have. */
  readonly uninvoiced?: Uninvoiced;
  /** The conditions that are judged here. A 401 names them. */
  readonly enforced?: readonly string[];
  /** The issuers whose credentials are taken. A 401 and a 402 name them. */
  readonly issuers?: readonly string[];
  /** The media type of a gRPC call. */
  readonly grpcType?: string;
}

/** A request that was refused, as data. Only the edge renders it. */
export class Refused {
  readonly granted = false;
  readonly status: number;
  /** Why, in full: for the log. What the caller is shown may say less. */
  readonly error: SigilError;
  /** What the caller can pay for, of a 402. */
  readonly offer: Offer | undefined;
  /** Set if the caller can pay, and asked for no invoice. */
  readonly uninvoiced: Uninvoiced | undefined;
  /** The media type of a gRPC call, which is shown the refusal in gRPC's terms. */
  readonly grpcType: string | undefined;
  readonly #enforced: readonly string[] | undefined;
  readonly #issuers: readonly string[] | undefined;

  constructor(
    error: SigilError,
    { status, offer, uninvoiced, enforced, issuers, grpcType }: RefusedOptions = {},
  ) {
    this.error = error;
    this.offer = offer;
    this.uninvoiced = uninvoiced;
    const isPayable = offer !== undefined || uninvoiced !== undefined;
    this.status = status ?? (isPayable ? 402 : statusOf(error));
    this.#enforced = enforced;
    this.#issuers = issuers;
    this.grpcType = grpcType;
  }

  /** The same refusal of a gRPC call. */
  ofCall(grpcType: string): Refused {
    const { error, status, offer, uninvoiced } = this;
    const enforced = this.#enforced;
    const issuers = this.#issuers;
    return new Refused(error, {
      ...{ status, grpcType },
      ...(offer !== undefined && { offer }),
      ...(uninvoiced !== undefined && { uninvoiced }),
      ...(enforced !== undefined && { enforced }),
      ...(issuers !== undefined && { issuers }),
    });
  }

  get retryAfterSeconds(): number | undefined {
    return this.error.retryAfterSeconds;
  }

  /** For a log: an invoice holds amounts that JSON cannot. */
  toJSON(): object {
    return { granted: false, status: this.status, error: this.error };
  }

  /** The `WWW-Authenticate` lines: a challenge to pay, or the bare scheme (RFC 9110 §15.5.2). */
  get challengeLines(): readonly string[] {
    // `LSAT` first: the reference clients match by regular expression.
    if (this.offer !== undefined)
      return challengeLines({ ...this.offer.challenge, issuers: this.#issuers });
    if (this.status !== 401 || this.#enforced === undefined) return [];
    return [bareLine(this.#enforced, this.#issuers)];
  }

  /** The problem details that the caller is shown. */
  get problem(): Problem {
    return problemOf(this.status, concealed(this.error));
  }

  /**
   * The refusal as a `Response`, made anew by each read. Its `Headers` join the two lines of a
   * challenge by a comma, which every client of L402 reads.
   */
  get response(): Response {
    const { status, headers, body } = render(this);
    const fields = new Headers();
    for (const [name, value] of headers) fields.append(name, value);
    return new Response(body, { status, headers: fields });
  }
}

export interface Rendered {
  readonly status: number;
  /** A list of pairs, because a challenge is two `WWW-Authenticate` lines. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** The one rendering of a refusal to HTTP. */
export function render(refused: Refused): Rendered {
  const { status, offer, uninvoiced, challengeLines, problem, retryAfterSeconds } = refused;
  const { grpcType } = refused;
  const { at } = offer ?? uninvoiced ?? {};
  const ours = [
    ...challengeLines.map((line) => ["www-authenticate", line] as const),
    // What is sold ends by this clock, which a buyer compares with its own.
    ...(at === undefined ? [] : [["date", new Date(at * 1000).toUTCString()] as const]),
    ...(uninvoiced === undefined ? [] : [["preference-applied", NO_INVOICE] as const]),
    ...(retryAfterSeconds === undefined
      ? []
      : [["retry-after", String(retryAfterSeconds)] as const]),
    ...(grpcType === undefined ? [] : grpcFields(problem)),
  ];
  const headers: Rendered["headers"] = [
    ...ours,
    ...exposed(ours),
    ["content-type", grpcType ?? "application/problem+json"],
    ["cache-control", "no-store"],
    ["vary", VARY_NAMES.join(", ")],
  ];
  // gRPC has a status of its own, in a head of 200 without a body.
  if (grpcType !== undefined) return { status: 200, headers, body: "" };
  return {
    status,
    headers,
    body: JSON.stringify(offer === undefined ? problem : { ...problem, ...forSale(offer) }),
  };
}

/** What is sold, for clients that read bodies only, and for people. */
const forSale = ({ challenge: { macaroon, invoice }, invoice: { amountMsat } }: Offer): object => ({
  invoice,
  ...(amountMsat !== undefined && { price: formatAmount(msat(amountMsat)) }),
  buys: macaroon.caveats.map((caveat) => utf8Text(caveat)),
});

export const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Credential refused",
  402: "Payment required",
  403: "Out of scope",
  404: "Not found",
  409: "Still running",
  413: "Too large",
  415: "Unsupported media type",
  422: "Cannot be repeated",
  429: "Too many requests",
  502: "Service unreachable",
  503: "Unavailable",
};

function problemOf(status: number, error: SigilError): Problem {
  const { spent, line } = error as { spent?: Spent; line?: number };
  const problem: Problem = {
    type: `urn:sigil:${error.code}`,
    title: TITLES[status] ?? "Error",
    status,
    detail: error.message,
    code: error.code,
    ...(spent !== undefined && { spent }),
    ...(line !== undefined && { line }),
  };
  if (!(error instanceof DeniedError)) return problem;
  const [first] = error.refusals;
  return { ...problem, condition: first?.condition, node: first?.node, refusals: error.refusals };
}

/**
 * The token codes that the bearer of a bad credential is shown; of every other, the class alone.
 */
export const SHOWN: ReadonlySet<ErrorCode> = new Set([
  "ERR_TOKEN_MALFORMED",
  "ERR_TOKEN_TOO_LARGE",
  "ERR_TOKEN_MISSING",
  "ERR_TOKEN_THIRD_PARTY",
  "ERR_TOKEN_SEALED",
  "ERR_TOKEN_ALGORITHM",
  "ERR_TOKEN_DATALOG",
  // Who is trusted, and which keys there are, is public.
  "ERR_TOKEN_ISSUER",
  "ERR_TOKEN_KEY",
]);

/** The error as its caller is shown it: a forger is not told which check failed. [case 98] */
export const concealed = (error: SigilError): SigilError =>
  error instanceof TokenError && statusOf(error) === 401 && !SHOWN.has(error.code)
    ? new TokenError(
        "ERR_TOKEN_FORGED",
        "The credential is not genuine here: forged, altered, unpaid, or minted elsewhere.",
      )
    : error;

/** Room for a refusal by each of 64 caveats, each with the path that was asked for. */
const MAX_PROBLEM_BYTES = 1024 * 1024;

/**
 * The error that a Sigil end answered with: the same class, code and message as there. Undefined
 * for an answer of something in between, such as a proxy, or of an API's own.
 */
export async function readProblem(
  response: Response,
  maxBytes = MAX_PROBLEM_BYTES,
): Promise<SigilError | undefined> {
  const place = problemPlace(response.headers.get("content-type"));
  const json = await readJson(response, maxBytes).catch(() => undefined);
  if (place === undefined) return undefined;
  const after = response.headers.get("retry-after") ?? "";
  return errorOf(place === "rpc" ? dataOf(json) : json, {
    retryAfterSeconds: /^[0-9]{1,9}$/.test(after) ? Number(after) : undefined,
  });
}

/** What an error of JSON-RPC 2.0 (§5.1) says of itself. */
function dataOf(answer: unknown): unknown {
  const { jsonrpc, error } = Object(answer) as Record<string, unknown>;
  return jsonrpc === "2.0" ? (Object(error) as { readonly data?: unknown }).data : undefined;
}

/** The error that problem details describe; undefined if they are none of Sigil's. */
export function errorOf(problem: unknown, options: SigilErrorOptions = {}): SigilError | undefined {
  const { code, detail, spent, line, refusals } = Object(problem) as Record<string, unknown>;
  if (typeof code !== "string" || !CODE.test(code) || typeof detail !== "string") return undefined;
  const denials = readRefusals(refusals);
  if (denials !== undefined && denials[0].code !== code) return undefined;
  const isSpent = SPENT.some((known) => known === spent);
  // Codes of a newer version of the other end are kept; what they carry tells their class.
  const known = rowOf(code)?.[0];
  switch (known ?? classOfUnknown(code, denials !== undefined, isSpent)) {
    case "DeniedError":
      return denials && new DeniedError(denials, options);
    case "BudgetError":
      return denials && new BudgetError(denials, options);
    case "TokenError":
      return new TokenError(code as TokenError["code"], detail, options);
    case "ChallengeError":
      return new ChallengeError(code as ChallengeError["code"], detail, options);
    case "PaymentError": {
      // Money may have moved unless the other end says that it did not.
      const moved = isSpent ? (spent as Spent) : "unknown";
      return new PaymentError(code as PaymentError["code"], moved, detail, options);
    }
    case "ReceiptError": {
      const at = typeof line === "number" ? line : 0;
      const what = detail.replace(/^Line [0-9]+: |\.$/g, "");
      return new ReceiptError(code as ReceiptError["code"], at, what, options);
    }
    default:
      return new AdapterError(code as AdapterError["code"], detail, options);
  }
}

/** The form of a code, known or not. */
export const CODE = /^ERR_[A-Z0-9_]{1,64}$/;
const SPENT: readonly Spent[] = ["no", "yes", "unknown"];

function classOfUnknown(code: string, hasRefusals: boolean, isSpent: boolean): ErrorClass {
  if (hasRefusals) return "DeniedError";
  if (code.startsWith("ERR_TOKEN_")) return "TokenError";
  return isSpent ? "PaymentError" : "AdapterError";
}

function readRefusals(value: unknown): [Refusal, ...Refusal[]] | undefined {
  if (!Array.isArray(value)) return undefined;
  const refusals = value.map(readRefusal);
  const [first, ...others] = refusals.filter((refusal) => refusal !== undefined);
  return first === undefined || others.length + 1 < refusals.length
    ? undefined
    : [first, ...others];
}

/** In the year 9892: Python has no date after 9999, and an error's text shows one. */
export const LAST_SECOND = 2.5e11;
const isInstant = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value <= LAST_SECOND;

/** Only what is declared, because the message and the log of an error repeat its refusals. */
function readRefusal(value: unknown): Refusal | undefined {
  const { code, condition, have, need, node, resetsAt } = Object(value) as Record<string, unknown>;
  if (![code, condition, have, need].every((text) => typeof text === "string")) return undefined;
  if (!CODE.test(code as string)) return undefined;
  const { id, agent } = Object(node) as Record<string, unknown>;
  return {
    code: code as Refusal["code"],
    condition: condition as string,
    ...(typeof id === "string" && {
      node: { id, ...(typeof agent === "string" && { agent }) },
    }),
    have: have as string,
    need: need as string,
    ...(isInstant(resetsAt) && { resetsAt }),
  };
}
