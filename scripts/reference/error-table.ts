/**
 * What each error code means and what to do about it, for people: the source of the error reference
 * in the documentation. Programs need none of it, so it is kept out of `error-codes.ts`.
 */
import { ERRORS, type ErrorClass, type ErrorCode } from "../../packages/l8nt/src/error-codes.ts";

export interface ErrorDescription {
  readonly meaning: string;
  readonly whatToDo: string;
}

const DESCRIPTIONS = {
  ERR_TOKEN_MALFORMED: {
    meaning:
      "The credential cannot be read: its text, its macaroon or its preimage is not well-formed.",
    whatToDo:
      "Check that the whole credential was copied and that nothing was added to it. `sigil inspect` shows what can be read.",
  },
  ERR_TOKEN_TOO_LARGE: {
    meaning:
      "The credential is longer than 8 KiB, or has more or longer caveats than are allowed. From a treasury that mints: it has no room for all that narrows the agent's credential, and nothing was paid.",
    whatToDo: "Delegate from a credential higher up, so that the chain has fewer caveats.",
  },
  ERR_TOKEN_FORGED: {
    meaning:
      "The credential is not genuine here: it was altered, not paid for, or minted elsewhere. Across HTTP this code also stands for ERR_TOKEN_PREIMAGE and ERR_TOKEN_ROOT, so that a forger does not learn which check failed.",
    whatToDo:
      "Present the credential to the service or treasury that it names, and exactly as it was received.",
  },
  ERR_TOKEN_PREIMAGE: {
    meaning:
      "The credential's preimage does not prove the payment that the credential is bound to.",
    whatToDo: "Pay the invoice of the challenge, and use the preimage that this payment gave.",
  },
  ERR_TOKEN_ROOT: {
    meaning:
      "The credential was minted under a secret that is not used here, or is no longer used.",
    whatToDo:
      "Check that the credential belongs to this service. If the secret was replaced, list the old one under `previousSecrets` or mint a new credential.",
  },
  ERR_TOKEN_THIRD_PARTY: {
    meaning: "The macaroon has a third-party caveat. Sigil refuses those.",
    whatToDo: "Use a credential without third-party caveats.",
  },
  ERR_TOKEN_SEALED: {
    meaning: "The credential is sealed, as clients present them: nothing can be appended to it.",
    whatToDo: "Narrow or delegate the credential that it was made from.",
  },
  ERR_TOKEN_ALGORITHM: {
    meaning: "A key of the public-key credential is not Ed25519.",
    whatToDo: "Ask the issuer for a credential that is signed with Ed25519.",
  },
  ERR_TOKEN_DATALOG: {
    meaning:
      "A block of the public-key credential says something else than caveats and their checks.",
    whatToDo:
      "Narrow it with `l8nt` or as page 9 of the specification says, without rules or facts of your own.",
  },
  ERR_TOKEN_ISSUER: {
    meaning: "The issuer of the public-key credential is not one that the service trusts.",
    whatToDo:
      "Use a credential of an issuer that the service lists in `/.well-known/l402`. An owner adds an issuer with `trust`.",
  },
  ERR_TOKEN_KEY: {
    meaning:
      "The issuer does not publish the key that the public-key credential was minted with, no longer does, or the key has ended.",
    whatToDo:
      "Ask the issuer for a new credential. An owner looks at `/.well-known/biscuit-web-keys` of the issuer.",
  },
  ERR_TOKEN_AMBIGUOUS: {
    meaning: "The request carries two different credentials.",
    whatToDo:
      "Send one credential: in `Authorization`, or in `Macaroon`, but not different ones in both.",
  },
  ERR_TOKEN_MISSING: {
    meaning: "The endpoint needs a credential and the request has none.",
    whatToDo:
      "Pay the invoice of the challenge if there is one, or send a credential that covers the request.",
  },
  ERR_AGENT_UNKNOWN: {
    meaning:
      "Code that needs an agent's handle runs outside of it, or the agent has no entry in the table of policies.",
    whatToDo:
      "Run the code inside `handle.run` or a tool that an adapter wrapped, and give the agent an entry under its name.",
  },
  ERR_SCOPE_WIDER: {
    meaning: "The scope of a child asks for more than its parent has.",
    whatToDo: "Ask for a scope within the parent's. The refusal names the condition that is wider.",
  },
  ERR_ENDPOINT: {
    meaning: "The credential does not allow this method and URL.",
    whatToDo:
      "Use a credential whose `endpoints` cover the request, or ask its owner for a wider one.",
  },
  ERR_EXPIRED: {
    meaning: "The credential has expired.",
    whatToDo: "Get a new credential: buy access again, or ask the owner to mint one.",
  },
  ERR_NOT_YET_VALID: {
    meaning: "The credential is not valid yet.",
    whatToDo: "Wait until its start time, and check the clocks of both machines.",
  },
  ERR_REVOKED: {
    meaning: "The credential, or an ancestor of it, was revoked.",
    whatToDo:
      "Ask the owner or the parent agent for a new credential. A revocation is never undone.",
  },
  ERR_REVOCATION_UNKNOWN: {
    meaning:
      "The list of revocations could not be read for too long, so nothing is granted and nothing is sold for now.",
    whatToDo:
      "Try again after the seconds in `Retry-After`. If it lasts, the operator should look at the store or the revocation feed.",
  },
  ERR_FROZEN: {
    meaning:
      "The owner froze spending by this agent, by an agent above it, or by the whole treasury.",
    whatToDo: "Ask the owner of the treasury to thaw it: `sigil thaw`.",
  },
  ERR_PRICE: {
    meaning: "The request costs more than the credential may pay for one request.",
    whatToDo: "Choose a cheaper request, or use a credential with a higher `maxPrice`.",
  },
  ERR_PAYEE: {
    meaning: "The credential may not pay the node that the invoice names.",
    whatToDo: "Use a credential whose `payees` include that node, if it is the right one.",
  },
  ERR_DEPTH: {
    meaning: "The credential was delegated more often than `maxDepth` allows.",
    whatToDo: "Delegate from an agent higher up, or raise `maxDepth` at the top.",
  },
  ERR_LEDGER: {
    meaning: "The credential's limits are counted in the ledger of another service.",
    whatToDo: "Use a credential whose `ledger` is the location of this service.",
  },
  ERR_HOLDER: {
    meaning:
      "The credential is bound to a key, and the request has no good signature by that key: it is missing, old, used before, or does not cover the request; or the verifier does not read signatures.",
    whatToDo:
      "Give the client the key, in `holderKey` or `SIGIL_HOLDER_KEY`, and a clock that is right. Paywalls and treasuries verify signatures: not gateways, and not a treasury for its owner.",
  },
  ERR_SERVICE: {
    meaning: "The credential is for other services than this one.",
    whatToDo: "Use a credential whose `services` include this service's L402 name.",
  },
  ERR_CAPABILITY: {
    meaning: "The credential does not allow what this request does at the service.",
    whatToDo: "Use a credential whose capabilities include the one that the refusal names.",
  },
  ERR_MODEL: {
    meaning: "The credential does not allow the model that this request uses.",
    whatToDo: "Ask for one of the models that the refusal names, or use a credential for this one.",
  },
  ERR_PREIMAGE_CAVEAT: {
    meaning: "The credential is bound to another payment than the one it is presented with.",
    whatToDo: "Present the credential with the preimage of its own payment.",
  },
  ERR_CHECK: {
    meaning:
      "A block of the credential was written by another Biscuit library, and one of its checks does not hold for this request, or could not be judged.",
    whatToDo:
      "Ask who appended the block what it allows. A service judges such blocks only with the option `datalog`.",
  },
  ERR_CAVEAT_UNKNOWN: {
    meaning: "The credential has a condition that is not enforced here. Unknown conditions deny.",
    whatToDo:
      "Use a credential without that condition, or a version of the verifier that enforces it.",
  },
  ERR_CAVEAT_MALFORMED: {
    meaning: "A condition of the credential has a value that cannot be read.",
    whatToDo: "Delegate again with a well-formed value. `sigil inspect` shows the caveats.",
  },
  ERR_BUDGET: {
    meaning:
      "A budget of this agent or of an agent above it has too little left. Nothing was spent.",
    whatToDo:
      "Wait until the budget's period ends, or get a credential with a larger one. The refusal names the agent whose budget it is.",
  },
  ERR_USES: {
    meaning: "The number of uses of the credential is used up.",
    whatToDo: "Buy access again, or get a credential with more uses.",
  },
  ERR_IN_FLIGHT: {
    meaning: "Too many payments, or too large ones, are under way at once. Nothing was spent.",
    whatToDo: "Try again when one of them has ended, or raise `maxInFlight` of the treasury.",
  },
  ERR_CHALLENGE_MISSING: {
    meaning: "The service asks for payment without an L402 challenge. Nothing was paid.",
    whatToDo: "Check that the service sells by L402; Sigil can pay nothing else.",
  },
  ERR_CHALLENGE_MALFORMED: {
    meaning: "The challenge of the service cannot be read without guessing. Nothing was paid.",
    whatToDo: "Report it to the service's operator.",
  },
  ERR_CHALLENGE_ORIGIN: {
    meaning:
      "The challenge came from another origin than the one that was asked. Nothing was paid.",
    whatToDo: "Request the final URL itself, without a redirect between.",
  },
  ERR_CHALLENGE_SCOPE: {
    meaning:
      "What the service sells would not cover the request, or has ended before it is paid for. Nothing was paid.",
    whatToDo:
      "The service's operator should set the paywall's `location` to the address that callers use, or restart a proxy that sells what has ended.",
  },
  ERR_CHALLENGE_CLOCK: {
    meaning:
      "The clock of the service is more than 10 minutes away from the treasury's, so what it sells could not be judged. Nothing was paid.",
    whatToDo: "Set the clock of the machine that is wrong: the treasury's, or the service's.",
  },
  ERR_INVOICE_MALFORMED: {
    meaning: "The invoice cannot be read, or its signature does not hold. Nothing was paid.",
    whatToDo: "Report it to the service's operator.",
  },
  ERR_INVOICE_NETWORK: {
    meaning: "The invoice is of another Lightning network than the wallet. Nothing was paid.",
    whatToDo: "Use a wallet and a service of the same network.",
  },
  ERR_INVOICE_AMOUNTLESS: {
    meaning: "The invoice names no amount. Nothing was paid.",
    whatToDo: "Report it to the service's operator.",
  },
  ERR_INVOICE_EXPIRED: {
    meaning: "The invoice has expired, or would before a payment could arrive. Nothing was paid.",
    whatToDo: "Request again for a new invoice, and check the clocks of both machines.",
  },
  ERR_INVOICE_HASH: {
    meaning: "The invoice's payment hash is not the one in the macaroon. Nothing was paid.",
    whatToDo:
      "Report it to the service's operator: a payment would not have bought the credential.",
  },
  ERR_INVOICE_PAYEE: {
    meaning:
      "The invoice pays another node than this service was paid at before. Nothing was paid.",
    whatToDo:
      "If the operator changed nodes, the owner of the treasury allows the new one: `allowPayee`.",
  },
  ERR_INVOICE_BLINDED: {
    meaning:
      "The invoice hides its payee behind blinded paths (bLIP 39), and payees are pinned. Nothing was paid.",
    whatToDo:
      "Ask the service's operator for invoices without blinded paths, or set `pinsPayees` of the treasury to false.",
  },
  ERR_INVOICE_FIRST_PAYMENT: {
    meaning:
      "The first payment to a service is capped, and the invoice asks for more. Nothing was paid.",
    whatToDo: "Make a cheaper request first, or raise `maxFirstPayment` of the treasury.",
  },
  ERR_PAYMENT_REQUIRED: {
    meaning:
      "The service asks for payment, and this client cannot or may not pay. Nothing was spent.",
    whatToDo:
      "Set `SIGIL_CREDENTIAL` or a wallet. If a redirect led to the price, request that URL itself.",
  },
  ERR_PAYMENT_FAILED: {
    meaning: "The payment was not made. Nothing was spent.",
    whatToDo: "Try again. If it fails again, look at the wallet's balance and channels.",
  },
  ERR_PAYMENT_UNKNOWN: {
    meaning: "It is not known whether the payment was made. The amount stays reserved.",
    whatToDo:
      "Repeat the request: with the same `Idempotency-Key` it is the same order, which is paid for once; without one it is a new order, which uses what was paid for before it pays. The treasury asks the wallet again by itself; `sigil payments` shows the payment.",
  },
  ERR_PAYMENT_REPEATED: {
    meaning: "The invoice was paid before, or is being paid. It was not paid again.",
    whatToDo:
      "Request again for an invoice of its own. If it repeats, report it to the service's operator.",
  },
  ERR_PAYMENT_PREIMAGE: {
    meaning: "The wallet reports the payment as made, with a preimage that does not prove it.",
    whatToDo:
      "Look at the payment in the wallet itself. The amount stays reserved until it is settled.",
  },
  ERR_PAID_NOT_DELIVERED: {
    meaning: "The payment was made, and nothing that was paid for arrived.",
    whatToDo:
      "If the message says that what was paid for is kept, send the request again: it is used before anything is paid. Otherwise contact the service's operator with the payment hash, which `sigil payments` shows to the treasury's owner. The agent then pays the service nothing for 10 minutes, and longer each time that it happens again; `sigil reopen` ends that.",
  },
  ERR_ANSWER_LOST: {
    meaning:
      "The order was paid for, and its answer was lost on the way. The service counts it as given, and nobody kept it. An order is paid for once.",
    whatToDo:
      "If the request may be made and paid for again, make it as a new request: without the `Idempotency-Key` of the old one.",
  },
  ERR_ORIGIN_QUARANTINED: {
    meaning:
      "The service asked again for payment of something that was paid for, so it is not paid for now. Nothing was spent.",
    whatToDo:
      "Wait until the quarantine ends, 10 minutes after the payment was refused (`quarantine` of the treasury), or use another service. The treasury's owner can end it: `sigil reopen`.",
  },
  ERR_ISSUER_REFUSED: {
    meaning:
      "The service says that it trusts the issuer of the treasury's credentials, and refuses what was minted for it, or nothing could be minted. Nothing was spent.",
    whatToDo:
      "The treasury's owner compares the issuer in the service's challenge with the keys that the treasury publishes (`/.well-known/biscuit-web-keys`), and looks at the clocks of both. `payIfRefused` in `mints` lets such a service be paid instead.",
  },
  ERR_RECEIPT_MALFORMED: {
    meaning: "A line of the export is no receipt.",
    whatToDo: "Export again. If the line stays, treat the export as altered.",
  },
  ERR_RECEIPT_KEY: {
    meaning: "A line was signed by another key than the one that was given.",
    whatToDo: "Verify with the key of the treasury that made the export.",
  },
  ERR_RECEIPT_FORGED: {
    meaning: "The signature of a line does not hold: it was altered.",
    whatToDo: "Do not trust the export. Get it from the treasury again.",
  },
  ERR_RECEIPT_CHAIN: {
    meaning: "A receipt is missing, out of place, or of another chain.",
    whatToDo: "Do not trust the export as complete. Get it from the treasury again.",
  },
  ERR_RECEIPT_REPEATED: {
    meaning: "Two receipts are of the same payment.",
    whatToDo: "Do not trust the sums of the export. Get it from the treasury again.",
  },
  ERR_RECEIPT_HEAD: {
    meaning: "The head does not count the receipts before it, or is missing.",
    whatToDo: "The export was cut short: get it from the treasury again.",
  },
  ERR_RECEIPT_LOST: {
    meaning:
      "Every line is genuine, and receipts are missing all the same: the treasury's books were restored from a backup, and its key signed other receipts before.",
    whatToDo:
      "Look for an export that was made before the backup was restored. The payments of the missing receipts are in the owner's journal, where each was explained.",
  },
  ERR_WALLET: {
    meaning: "The wallet could not be reached, or did not answer as it should.",
    whatToDo: "Check that the wallet runs and that its URL is right: `sigil doctor`.",
  },
  ERR_STORE: {
    meaning: "The store could not be read or written, so the request was not served.",
    whatToDo: "Try again. If it lasts, the operator should look at the database or the disk.",
  },
  ERR_CHECKPOINT: {
    meaning:
      "What was summed up and removed of the journal is not what the key of these books signed, so nothing more is summed up, and a treasury does not start.",
    whatToDo:
      "If the key was replaced, give the one before it too: `previousSecrets`, or `previousReceiptKeys`. If another service or treasury wrote to the same books, give each its own. Otherwise the books were changed: restore them from a backup.",
  },
  ERR_TREASURY: {
    meaning: "The treasury could not be reached, or did not answer as a treasury does.",
    whatToDo:
      "Check that it runs and that the credential's location is right: `sigil treasury start`.",
  },
  ERR_TREASURY_STOPPED: {
    meaning:
      "The treasury spends nothing for now, because its books and its wallet disagree, or its clock is behind its books.",
    whatToDo:
      "The owner reads why with `sigil journal` and `sigil payments`, and settles what is open; or looks at the clock with `sigil treasury clock`.",
  },
  ERR_SERVICE_UNREACHABLE: {
    meaning:
      "The service did not answer, answered too slowly, or is at an address that may not be reached.",
    whatToDo:
      "Check the URL and try again. A service on this machine needs `--allow-loopback` at the treasury, in development.",
  },
  ERR_PRICE_FUNCTION: {
    meaning: "The service could not determine the price of the request. Nothing was charged.",
    whatToDo:
      "The operator should look at the price function: it threw, or returned something that is no amount with a unit. Or two `paid()` on different terms guard one request: remove one of them.",
  },
  ERR_SECRET: {
    meaning:
      "The service has no secret, or one that is too short, so that it can prove and sell no credential. Nothing was charged.",
    whatToDo:
      "The operator should set the environment variable that the paywall's `secret` is read from, such as SIGIL_SECRET: `openssl rand -hex 32`.",
  },
  ERR_FEED: {
    meaning:
      "The revocation feed sent something that is not signed by its key or does not follow what it sent before.",
    whatToDo: "Check the URL and the public key of the feed.",
  },
  ERR_KEYS_ADDRESS: {
    meaning: "The name of a trusted issuer leads to an address that is not public.",
    whatToDo:
      "If the issuer is in your own network, set `allowPrivateIssuers`. List one on this machine as `localhost` or by its address. Otherwise look at who answers for the name.",
  },
  ERR_KEYS_UNREACHABLE: {
    meaning:
      "The key page of a trusted issuer cannot be had: no address, no connection, or a certificate that is not valid for its name. The operator's message has the reason. Holders are told this code, whatever is wrong with the page, while no good one holds.",
    whatToDo:
      "A holder tries again after the seconds in `Retry-After`. An owner looks at the issuer's name, certificate and page; the last good page holds for a day.",
  },
  ERR_KEYS_STATUS: {
    meaning: "The issuer answered its key page with another status than 200.",
    whatToDo: "Ask the issuer to publish its keys at `/.well-known/biscuit-web-keys`.",
  },
  ERR_KEYS_REDIRECT: {
    meaning: "The key page of the issuer is a redirect. None is followed.",
    whatToDo: "List the origin that has the keys, if its credentials name it as their issuer.",
  },
  ERR_KEYS_SLOW: {
    meaning: "The key page of the issuer took more than 10 seconds.",
    whatToDo: "Wait. The last good page holds for a day more.",
  },
  ERR_KEYS_TOO_LARGE: {
    meaning: "The key page of the issuer has more than 65,536 bytes or 64 keys.",
    whatToDo: "Ask the issuer to take keys off that have ended.",
  },
  ERR_KEYS_MALFORMED: {
    meaning: "The key page of the issuer is no list of keys in JSON, or has two keys with one id.",
    whatToDo: "Ask the issuer to publish what `sigil keys publish` prints.",
  },
  ERR_KEYS_ISSUER: {
    meaning: "All keys on the issuer's page are of other issuers.",
    whatToDo: "Ask the issuer whose page it publishes. Its keys name another origin.",
  },
  ERR_RATE_LIMITED: {
    meaning:
      "Too many challenges were requested and not paid; or the holders of one credential, or of one tree, have revoked as many nodes as they may, or sent as many requests with signatures that are still valid.",
    whatToDo: "Wait for the seconds in `Retry-After`, or revoke a node higher up.",
  },
  ERR_REQUEST: {
    meaning: "The request cannot be read, or can be read in two ways.",
    whatToDo: "Correct what the message names. Nothing was done and nothing was spent.",
  },
  ERR_REQUEST_RUNNING: {
    meaning: "A request with the same credential and the same `Idempotency-Key` is still running.",
    whatToDo:
      "Wait for the seconds of `Retry-After`, and send the same request with the same key again. It costs nothing more.",
  },
  ERR_IDEMPOTENCY_KEY: {
    meaning:
      "The `Idempotency-Key` was used for another request, or its answer is not kept any more.",
    whatToDo: "Send another key: the request is then a new one, and a new use.",
  },
  ERR_TOO_LARGE: {
    meaning: "A request or an answer is larger than its limit.",
    whatToDo: "Send less, or raise the limit that the message names.",
  },
  ERR_MEDIA_TYPE: {
    meaning:
      "The price depends on the body, and the body has a charset other than UTF-8, a `Content-Encoding`, or a `Content-Type` that is not that of what the price is read from.",
    whatToDo:
      "Send the body as UTF-8, without `Content-Encoding`, and JSON as `application/json`. Nothing was done and nothing was spent.",
  },
  ERR_REDIRECT: {
    meaning: "The service redirects to where the client may not follow.",
    whatToDo: "Request the final URL itself.",
  },
} as const satisfies Readonly<Record<ErrorCode, ErrorDescription>>;

/** One row of the error reference. */
export interface ErrorRow extends ErrorDescription {
  readonly code: ErrorCode;
  readonly class: ErrorClass;
  /** Of an HTTP answer with this code. A service that can sell answers some of them with 402. */
  readonly status: number;
}

/** Every code, grouped by class. */
export const ERROR_REFERENCE: readonly ErrorRow[] = (Object.keys(ERRORS) as ErrorClass[]).flatMap(
  (name) =>
    Object.entries<number>(ERRORS[name]).map(([code, status]) => ({
      code: code as ErrorCode,
      class: name,
      status,
      ...DESCRIPTIONS[code as ErrorCode],
    })),
);
