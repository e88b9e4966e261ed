/**
 * Every code of an error, its class and its HTTP status. `errors.ts` takes types alone from here,
 * so that a page does not load the table before it needs it. spec/3-challenge.md §5.
 */

/**
 * The closed list of codes: the class that carries each code, and the HTTP status of an answer with
 * it. A code means the same embedded and across HTTP. Status 402 is not listed: only a service that
 * can sell to the caller answers it. `scripts/reference/error-table.ts` explains every code for
 * people.
 */
export const ERRORS = {
  TokenError: {
    ERR_TOKEN_MALFORMED: 401,
    ERR_TOKEN_TOO_LARGE: 401,
    ERR_TOKEN_FORGED: 401,
    ERR_TOKEN_PREIMAGE: 401,
    ERR_TOKEN_ROOT: 401,
    ERR_TOKEN_THIRD_PARTY: 401,
    ERR_TOKEN_SEALED: 401,
    ERR_TOKEN_ALGORITHM: 401,
    ERR_TOKEN_DATALOG: 401,
    ERR_TOKEN_ISSUER: 401,
    ERR_TOKEN_KEY: 401,
    ERR_TOKEN_AMBIGUOUS: 400,
    ERR_TOKEN_MISSING: 401,
  },
  DeniedError: {
    ERR_AGENT_UNKNOWN: 403,
    ERR_SCOPE_WIDER: 403,
    ERR_ENDPOINT: 403,
    ERR_EXPIRED: 403,
    ERR_NOT_YET_VALID: 403,
    ERR_REVOKED: 403,
    ERR_REVOCATION_UNKNOWN: 503,
    ERR_FROZEN: 403,
    ERR_PRICE: 403,
    ERR_PAYEE: 403,
    ERR_DEPTH: 403,
    ERR_LEDGER: 403,
    ERR_HOLDER: 403,
    ERR_SERVICE: 403,
    ERR_CAPABILITY: 403,
    ERR_MODEL: 403,
    ERR_PREIMAGE_CAVEAT: 403,
    ERR_CHECK: 403,
    ERR_CAVEAT_UNKNOWN: 403,
    ERR_CAVEAT_MALFORMED: 403,
  },
  BudgetError: {
    ERR_BUDGET: 403,
    ERR_USES: 403,
    ERR_IN_FLIGHT: 403,
  },
  ChallengeError: {
    ERR_CHALLENGE_MISSING: 502,
    ERR_CHALLENGE_MALFORMED: 502,
    ERR_CHALLENGE_ORIGIN: 502,
    ERR_CHALLENGE_SCOPE: 502,
    ERR_CHALLENGE_CLOCK: 502,
    ERR_INVOICE_MALFORMED: 502,
    ERR_INVOICE_NETWORK: 502,
    ERR_INVOICE_AMOUNTLESS: 502,
    ERR_INVOICE_EXPIRED: 502,
    ERR_INVOICE_HASH: 502,
    ERR_INVOICE_PAYEE: 502,
    ERR_INVOICE_BLINDED: 502,
    ERR_INVOICE_FIRST_PAYMENT: 502,
  },
  PaymentError: {
    ERR_PAYMENT_REQUIRED: 502,
    ERR_PAYMENT_FAILED: 502,
    ERR_PAYMENT_UNKNOWN: 502,
    ERR_PAYMENT_REPEATED: 502,
    ERR_PAYMENT_PREIMAGE: 502,
    ERR_PAID_NOT_DELIVERED: 502,
    ERR_ANSWER_LOST: 502,
    ERR_ORIGIN_QUARANTINED: 502,
    ERR_ISSUER_REFUSED: 502,
  },
  ReceiptError: {
    ERR_RECEIPT_MALFORMED: 503,
    ERR_RECEIPT_KEY: 503,
    ERR_RECEIPT_FORGED: 503,
    ERR_RECEIPT_CHAIN: 503,
    ERR_RECEIPT_REPEATED: 503,
    ERR_RECEIPT_HEAD: 503,
    ERR_RECEIPT_LOST: 503,
  },
  AdapterError: {
    ERR_WALLET: 503,
    ERR_STORE: 503,
    ERR_CHECKPOINT: 503,
    ERR_TREASURY: 503,
    ERR_TREASURY_STOPPED: 503,
    ERR_SERVICE_UNREACHABLE: 502,
    ERR_PRICE_FUNCTION: 503,
    ERR_SECRET: 503,
    ERR_FEED: 503,
    ERR_KEYS_ADDRESS: 503,
    ERR_KEYS_UNREACHABLE: 503,
    ERR_KEYS_STATUS: 503,
    ERR_KEYS_REDIRECT: 503,
    ERR_KEYS_SLOW: 503,
    ERR_KEYS_TOO_LARGE: 503,
    ERR_KEYS_MALFORMED: 503,
    ERR_KEYS_ISSUER: 503,
    ERR_RATE_LIMITED: 429,
    ERR_REQUEST: 400,
    ERR_REQUEST_RUNNING: 409,
    ERR_IDEMPOTENCY_KEY: 422,
    ERR_TOO_LARGE: 413,
    ERR_MEDIA_TYPE: 415,
    ERR_REDIRECT: 503,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<`ERR_${string}`, number>>>>;

export type ErrorClass = keyof typeof ERRORS;
export type CodeOf<Class extends ErrorClass> = keyof (typeof ERRORS)[Class];

/**
 * A stable name for each thing that can go wrong. Programs branch on it; the message is for people.
 */
export type ErrorCode = { [Class in ErrorClass]: CodeOf<Class> }[ErrorClass];
