/** What lnd's answers mean: its payments, its networks, and its errors, in words for its owner. */
import { AdapterError } from "../errors.ts";
import type { Network } from "../invoice/network.ts";
import type { PaymentOutcome } from "../ports/wallet.ts";
import { preimageOf, recordOf, wholeMsat } from "./backend.ts";

/** How lnd names the networks that an invoice can be for. */
const NETWORK_NAMES: Readonly<Record<string, Network>> = {
  mainnet: "bc",
  testnet: "tb",
  testnet4: "tb",
  signet: "tbs",
  regtest: "bcrt",
  simnet: "sb",
};

/** @throws AdapterError `ERR_WALLET` for a network that invoices have no prefix for */
export function lndNetwork({ chains }: Record<string, unknown>): Network {
  const name = recordOf(Array.isArray(chains) ? chains[0] : undefined).network;
  const network = Object.hasOwn(NETWORK_NAMES, String(name))
    ? NETWORK_NAMES[String(name)]
    : undefined;
  if (network === undefined)
    throw new AdapterError("ERR_WALLET", "lnd names no Bitcoin network that is known.");
  return network;
}

/** The outcome that a line of this payment's stream tells, where it is the last. */
export function endOf(line: unknown, paymentHash: string): PaymentOutcome | undefined {
  const payment = recordOf(recordOf(line).result);
  if (payment.payment_hash !== paymentHash) return undefined;
  const preimage = preimageOf(payment.payment_preimage);
  const feeMsat = wholeMsat(payment.fee_msat);
  if (payment.status === "SUCCEEDED" && preimage !== undefined && feeMsat !== undefined)
    return { status: "paid", preimage, feeMsat };
  // Told only once nothing of it is in flight any more.
  if (payment.status === "FAILED")
    return {
      status: "failed",
      reason: FAILURES[String(payment.failure_reason)] ?? "lnd gave it up",
    };
  return undefined;
}

const FAILURES: Readonly<Record<string, string>> = {
  FAILURE_REASON_TIMEOUT: "lnd found no way in time",
  FAILURE_REASON_NO_ROUTE: "lnd found no way to the payee within the fee cap",
  FAILURE_REASON_ERROR: "lnd failed to send it",
  FAILURE_REASON_INCORRECT_PAYMENT_DETAILS: "the payee does not know the invoice any more",
  FAILURE_REASON_INSUFFICIENT_BALANCE: "lnd has too little in its channels",
  FAILURE_REASON_CANCELED: "it was cancelled at lnd",
};

/** Whether a line of a payment's stream is about it: lnd has written it down then. */
export function isOnRecord(line: unknown, paymentHash: string): boolean {
  const { status, payment_hash } = recordOf(recordOf(line).result);
  return status !== undefined && payment_hash === paymentHash;
}

export const standing = (line: unknown, paymentHash: string): string =>
  isOnRecord(line, paymentHash)
    ? "it is in flight"
    : (reasonOf(line) ?? "lnd did not say how it stands");

/** gRPC's status, as the REST gateway writes it: bare, or under `error` in a stream. */
export function statusOf(body: unknown): { readonly code?: number; readonly message?: string } {
  const { error, ...bare } = recordOf(body);
  const { code, message } = error === undefined ? bare : recordOf(error);
  return typeof code === "number" && typeof message === "string" ? { code, message } : {};
}

const NOT_FOUND = 5;

/**
 * By its words, too: for a path that it does not know, the gateway before lnd has the same code.
 */
export function isUnknownPayment(body: unknown): boolean {
  const { code, message = "" } = statusOf(body);
  return code === NOT_FOUND && /^payment isn't initiated/.test(message);
}

/**
 * Of a node that will answer by itself, later: not reached yet, as it were.
 * `rpcperms/interceptor.go`, `rpcserver.go`.
 */
export const STARTING =
  /^waiting to start|in the process of starting up|server is still in the process of starting/;

// lnd gives nearly all of its errors the code 2, so that its words have to tell them apart. They
// are not repeated.
const REFUSED_AT_THE_DOOR: readonly (readonly [RegExp, string])[] = [
  [
    /^permission denied/,
    "the macaroon in the URL of lnd does not allow it: docs/guides/wallets.md lists the permissions",
  ],
  [
    /^caveat .*macaroon has expired/,
    "the macaroon in the URL of lnd has expired: bake another one",
  ],
  [
    /^caveat .*not satisfied/,
    "the macaroon in the URL of lnd is narrowed to other uses than this one",
  ],
  [
    /^verification failed|^cannot get macaroon/,
    "the macaroon in the URL of lnd is another node's, or was withdrawn",
  ],
  [
    /^expected 1 macaroon|^cannot determine data format|^unmarshal v[12]|^empty macaroon|^encoding\/hex/,
    "what the URL of lnd has as macaroon= is none",
  ],
  [/wallet locked/, "lnd is locked: unlock it (lncli unlock)"],
  [/wallet not created/, "lnd has no wallet yet: make one (lncli create)"],
  [STARTING, "lnd is still starting: try again in a moment"],
];
const REASONS: readonly (readonly [RegExp, string])[] = [
  ...REFUSED_AT_THE_DOOR,
  [
    /^Not Found$/,
    "it is no lnd, or one that was built without its router: build it with the tag routerrpc, as its releases are",
  ],
  [/not for current active network/, "the invoice is for another network than lnd's"],
  [/invoice expired/, "the invoice has expired"],
  [/self-payments not allowed/, "the invoice is lnd's own"],
  [
    /already paid|already succeeded|in transition|already in flight/,
    "lnd has paid it before, or is paying it",
  ],
];

export function reasonOf(body: unknown): string | undefined {
  const { message } = statusOf(body);
  return message === undefined ? undefined : REASONS.find(([words]) => words.test(message))?.[1];
}

/** Whether a call got past lnd's door; false is proof that it touched no money. */
export const isLetIn = (message: string): boolean =>
  !REFUSED_AT_THE_DOOR.some(([words]) => words.test(message));
