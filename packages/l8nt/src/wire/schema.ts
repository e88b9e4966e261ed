/**
 * The treasury's messages as JSON Schema 2020-12: what its OpenAPI document shows. Every object is
 * an allow-list. [case 100]
 */

export type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: "string" };
export const integer: Schema = { type: "integer" };
export const flag: Schema = { type: "boolean" };
export const msat: Schema = { type: "string", pattern: "^-?[0-9]+$", description: "msat, decimal" };
export const seconds: Schema = { type: "number", description: "Unix seconds" };
export const hash: Schema = { type: "string", pattern: "^[0-9a-f]{64}$" };
export const nodeId: Schema = { type: "string", pattern: "^[0-9a-f]{32}$" };

export const list = (items: Schema): Schema => ({ type: "array", items });
export const oneOf = (...values: readonly string[]): Schema => ({ enum: values });

/** @param optional those that may be missing; every other one is there, and nothing else is */
export const object = (
  properties: Readonly<Record<string, Schema>>,
  ...optional: readonly string[]
): Schema => ({
  type: "object",
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

export const payment = object({ origin: text, paymentHash: hash, amountMsat: msat, feeMsat: msat });

export const standing = object(
  {
    id: nodeId,
    agent: text,
    parentId: nodeId,
    state: oneOf("active", "expired", "frozen", "revoked"),
    caveats: list(text),
    spentMsat: msat,
    limits: list(
      object({ condition: text, max: msat, used: msat, windowSeconds: integer }, "windowSeconds"),
    ),
  },
  "agent",
  "parentId",
);
export const nodes = object({ nodes: list(standing) });

export const receipts = object({
  receipts: list(object({ seq: integer, paymentHash: hash, hash, text })),
});

export const paymentRecord = object(
  {
    paymentHash: hash,
    intent: text,
    nodeIds: list(nodeId),
    lineage: list(text),
    method: text,
    origin: text,
    path: text,
    invoice: text,
    payee: text,
    amountMsat: msat,
    maxFeeMsat: msat,
    enforced: list(text),
    createdAt: seconds,
    status: oneOf("open", "paid", "used", "failed", "undelivered"),
    feeMsat: msat,
    settledAt: seconds,
    delivered: flag,
    closed: object({ to: text, until: seconds }),
  },
  "enforced",
  "feeMsat",
  "settledAt",
  "closed",
);

const counted = object(
  {
    id: text,
    kind: oneOf("spend", "uses", "in-flight", "in-flight-msat"),
    max: msat,
    windowSeconds: integer,
    expiresAt: seconds,
  },
  "max",
  "windowSeconds",
  "expiresAt",
);
const event = {
  oneOf: [
    object({
      type: oneOf("reserve"),
      reservation: object({
        id: text,
        at: seconds,
        amountMsat: msat,
        uses: msat,
        counted: list(counted),
      }),
    }),
    object({ type: oneOf("commit"), id: text, amountMsat: msat }),
    object({ type: oneOf("release"), id: text }),
    object({ type: oneOf("payment"), paymentHash: hash, status: text }),
    object({ type: oneOf("directive"), kind: text, nodeId: text, reason: text }, "reason"),
    object({ type: oneOf("note"), text }),
  ],
};
export const journal = object({ entries: list(object({ seq: integer, at: seconds, event })) });

export const health = object(
  { spending: flag, reason: text, openPayments: integer, stuckPayments: integer },
  "reason",
);

const refusal = object(
  {
    code: text,
    condition: text,
    node: object({ id: text, agent: text }, "agent"),
    have: text,
    need: text,
  },
  "node",
);
/** RFC 9457, with a stable code. */
export const problem = object(
  {
    type: text,
    title: text,
    status: integer,
    detail: text,
    code: { type: "string", pattern: "^ERR_[A-Z_]+$" },
    spent: oneOf("no", "yes", "unknown"),
    condition: text,
    node: object({ id: text, agent: text }, "agent"),
    refusals: list(refusal),
  },
  "spent",
  "condition",
  "node",
  "refusals",
);
