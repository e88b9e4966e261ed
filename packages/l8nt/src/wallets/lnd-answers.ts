/**
 * Reads the answers of lnd: payments, networks, and errors, which are put in words for the owner.
 */
import { AdapterError } from "../errors.ts";
import type { Network } from "../invoice/network.ts";
import type { PaymentOutcome } from "../ports/wallet.ts";
import { preimageOf, recordOf, wholeMsat } from "./backend.ts";

/** lnd's names of the networks that an invoice can be for. */
const NETWORK_NAMES: Readonly<Record<string, Network>> = {
  mainnet: "bc",
  testnet: "tb",
  testnet4: "tb",
  signet: "tbs",
  regtest: "bcrt",
  simnet: "sb",
};

/** @throws AdapterError `ERR_WALLET` for a network that is not one of invoices */
export function lndNetwork({ chains }: Record<string, unknown>): Network {
  const name = recordOf(Array.isArray(chains) ? chains[0] : undefined).network;
  const network = Object.hasOwn(NETWORK_NAMES, String(name))
    ? NETWORK_NAMES[String(name)]
    : undefined;
  if (network === undefined)
    throw new AdapterError("ERR_WALLET", "lnd did not name a known Bitcoin network.");
  return network;
}

/** The outcome in a line of the payment's stream; undefined if the payment has not ended. */
export function endOf(line: unknown, paymentHash: string): PaymentOutcome | undefined {
  const payment = recordOf(recordOf(line).result);
  if (payment.payment_hash !== paymentHash) return undefined;
  const preimage = preimageOf(payment.payment_preimage);
  const feeMsat = wholeMsat(payment.fee_msat);
  if (payment.status === "SUCCEEDED" && preimage !== undefined && feeMsat !== undefined)
    return { status: "paid", preimage, feeMsat };
  // lnd says FAILED only once no part of the payment is in flight.
  if (payment.status === "FAILED")
    return {
      status: "failed",
      reason: FAILURES[String(payment.failure_reason)] ?? "lnd gave the payment up",
    };
  return undefined;
}

const FAILURES: Readonly<Record<string, string>> = {
  FAILURE_REASON_TIMEOUT: "lnd found no route in time",
  FAILURE_REASON_NO_ROUTE: "lnd found no route to the payee within the fee cap",
  FAILURE_REASON_ERROR: "lnd failed to send the payment",
  FAILURE_REASON_INCORRECT_PAYMENT_DETAILS: "the payee does not know the invoice any more",
  FAILURE_REASON_INSUFFICIENT_BALANCE: "lnd has too little in its channels",
  FAILURE_REASON_CANCELED: "the payment was cancelled at lnd",
};

/** Whether a line of the stream is about the payment, which means that lnd has recorded it. */
export function isOnRecord(line: unknown, paymentHash: string): boolean {
  const { status, payment_hash } = recordOf(recordOf(line).result);
  return status !== undefined && payment_hash === paymentHash;
}

export const standing = (line: unknown, paymentHash: string): string =>
  isOnRecord(line, paymentHash)
    ? "the payment is in flight"
    : (reasonOf(line) ?? "lnd did not state what became of the payment");

/** The gRPC status, as the REST gateway writes it: at the top, or under `error` in a stream. */
export function statusOf(body: unknown): { readonly code?: number; readonly message?: string } {
  const { error, ...bare } = recordOf(body);
  const { code, message } = error === undefined ? bare : recordOf(error);
  return typeof code === "number" && typeof message === "string" ? { code, message } : {};
}

const NOT_FOUND = 5;

/**
 * Whether lnd does not know the payment. The message is compared too, because the gateway has the
 * same code for an unknown path.
 */
export function isUnknownPayment(body: unknown): boolean {
  const { code, message = "" } = statusOf(body);
  return code === NOT_FOUND && /^payment isn't initiated/.test(message);
}

/**
 * The messages of a node that is still starting, and so will answer later.
 * `rpcperms/interceptor.go`, `rpcserver.go`.
 */
export const STARTING =
  /^waiting to start|in the process of starting up|server is still in the process of starting/;

// Nearly all errors of lnd have the code 2, so that only the message tells them apart. The message
// is not shown, because it may quote the request.
const REFUSED_BEFORE_THE_CALL: readonly (readonly [RegExp, string])[] = [
  [
    /^permission denied/,
    "the macaroon in the URL of lnd does not allow it: docs/guides/wallets.md lists the permissions",
  ],
  [/^caveat .*macaroon has expired/, "the macaroon in the URL of lnd has expired: bake a new one"],
  [/^caveat .*not satisfied/, "a caveat of the macaroon in the URL of lnd does not allow this"],
  [
    /^verification failed|^cannot get macaroon/,
    "the macaroon in the URL of lnd belongs to another node, or was revoked",
  ],
  [
    /^expected 1 macaroon|^cannot determine data format|^unmarshal v[12]|^empty macaroon|^encoding\/hex/,
    "macaroon= in the URL of lnd is not a macaroon",
  ],
  [/wallet locked/, "lnd is locked: unlock it (lncli unlock)"],
  [/wallet not created/, "lnd does not have a wallet yet: create one (lncli create)"],
  [STARTING, "lnd is still starting: try again in a moment"],
];
const REASONS: readonly (readonly [RegExp, string])[] = [
  ...REFUSED_BEFORE_THE_CALL,
  [
    /^Not Found$/,
    "the server is not lnd, or was built without its router: build lnd with the tag routerrpc, as its releases are",
  ],
  [/not for current active network/, "the invoice is for another network than lnd's"],
  [/invoice expired/, "the invoice has expired"],
  [/self-payments not allowed/, "the invoice is of lnd itself"],
  [
    /already paid|already succeeded|in transition|already in flight/,
    "lnd has paid the invoice before, or is paying it",
  ],
];

export function reasonOf(body: unknown): string | undefined {
  const { message } = statusOf(body);
  return message === undefined ? undefined : REASONS.find(([words]) => words.test(message))?.[1];
}

/** Whether lnd began to carry out the call; false proves that no money moved. */
export const isLetIn = (message: string): boolean =>
  !REFUSED_BEFORE_THE_CALL.some(([words]) => words.test(message));
