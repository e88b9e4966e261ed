/**
 * Converts the ports' values to and from what the database takes: integers as decimal strings,
 * opaque parts as JSON in text.
 */
import type { Amount, Unit } from "../../amount.ts";
import { hexText, utf8 } from "../../internal/bytes.ts";
import { sha256 } from "../../internal/crypto.ts";
import { demandValid, type LedgerEvent } from "../../ledger/index.ts";
import type { Directive } from "../../ports/directives.ts";
import type { JournalEntry, JournalEvent } from "../../ports/journal.ts";
import type { Reservation, ReserveAnswer, Resolution } from "../../ports/ledger.ts";
import type { Counted } from "../../ports/limit.ts";
import type { NodeRecord } from "../../ports/nodes.ts";
import type {
  BeginAnswer,
  PaymentRecord,
  PaymentStatus,
  PurchaseQuery,
} from "../../ports/payments.ts";

/** The events of a batch: those of the ledger, and others that need a place in the journal. */
export type StoreEvent =
  | LedgerEvent
  | { readonly type: "directive"; readonly directive: Directive }
  | { readonly type: "note"; readonly text: string; readonly at: number }
  | {
      readonly type: "payee";
      readonly origin: string;
      readonly payee: string;
      readonly at: number;
    };

/** As the type `sigil_event` in law.sql has them. */
type EventRow = Readonly<Record<string, unknown>>;

const isLedgerEvent = (event: StoreEvent): event is LedgerEvent =>
  event.type !== "directive" && event.type !== "note" && event.type !== "payee";

/**
 * @throws TypeError for an event that is invalid whatever the books say, or that no row can hold
 */
export function encodeEvent(event: StoreEvent): EventRow {
  if (isLedgerEvent(event)) demandValid(event);
  switch (event.type) {
    case "reserve":
      return { type: event.type, ...reservationColumns(event.reservation) };
    case "commit":
      return {
        type: event.type,
        id: text(event.id),
        ...amountColumns(event.amount),
        at: time(event.at),
      };
    case "release":
      return { type: event.type, id: text(event.id), at: time(event.at) };
    case "begin":
      return {
        type: event.type,
        ...reservationColumns(event.reservation),
        ...paymentColumns(event.payment),
      };
    case "settle": {
      const { settlement } = event;
      const paid = settlement.status === "paid" && {
        preimage: text(settlement.preimage),
        fee_unit: settlement.fee.unit,
        fee: `${settlement.fee.value}`,
      };
      const { status } = settlement;
      return {
        type: event.type,
        hash: text(event.paymentHash),
        reservation: text(event.attemptId),
        status,
        at: time(settlement.at),
        ...paid,
      };
    }
    case "mark": {
      const { status, delivered, closed } = event.mark;
      const columns = {
        status,
        delivered,
        ...closedColumns(closed),
      };
      return { type: event.type, hash: text(event.paymentHash), ...columns };
    }
    case "take":
      return {
        type: event.type,
        hash: text(event.paymentHash),
        order_from: text(event.from),
        order_key: text(event.to),
        ...(event.orUsed && { status: "used" }),
      };
    case "directive": {
      const { kind, nodeId, reason, at } = event.directive;
      const entry = { type: event.type, kind, nodeId, ...(reason !== undefined && { reason }) };
      const columns = {
        status: kind,
        node_id: text(nodeId),
        at: time(at),
        record: JSON.stringify(event.directive),
      };
      return { type: event.type, ...columns, body: JSON.stringify(entry) };
    }
    case "note":
      return { type: event.type, at: time(event.at), body: noteBody(event.text) };
    case "payee": {
      const { origin, payee, at } = event;
      const body = noteBody(`${payee} may be paid for ${origin}`);
      return { type: event.type, origin: text(origin), payee: text(payee), at: time(at), body };
    }
  }
}

const noteBody = (note: string): string => JSON.stringify({ type: "note", text: note });

/** Postgres text cannot hold U+0000 or a lone surrogate. JSON in text has both escaped. */
const UNWRITABLE = /[\0\p{Surrogate}]/u;

function text(value: string): string {
  if (UNWRITABLE.test(value))
    throw new TypeError(
      "an id in the ledger is text without U+0000 and without half a surrogate pair",
    );
  return value;
}

function time(value: number): number {
  if (!Number.isFinite(value))
    throw new TypeError("a time in the ledger is a finite number of Unix seconds");
  return value;
}

function length(value: number | undefined): number | null {
  if (value !== undefined && !(time(value) > 0))
    throw new TypeError("a window is longer than 0 seconds");
  return value ?? null;
}

function reservationColumns(reservation: Reservation): EventRow {
  const { id, at, amount, uses, counted } = reservation;
  return {
    id: text(id),
    at: time(at),
    ...amountColumns(amount),
    uses: `${uses}`,
    ids: counted.map((limit) => text(limit.id)),
    kinds: counted.map(({ kind }) => kind),
    units: counted.map(({ unit }) => unit ?? null),
    maxes: counted.map(({ max }) => (max === undefined ? null : `${max}`)),
    windows: counted.map(({ windowSeconds }) => length(windowSeconds)),
    ends: counted.map(({ expiresAt }) => (expiresAt === undefined ? null : time(expiresAt))),
    body: stringify(reservation),
  };
}

function paymentColumns(payment: PaymentRecord): EventRow {
  const { status, order, preimage, fee, settledAt, delivered, closed, ...record } = payment;
  const { paymentHash, attemptId, intent, origin, payee, nodeIds, amount } = record;
  return {
    hash: text(paymentHash),
    reservation: text(attemptId),
    intent: text(intent),
    order_key: text(order),
    origin: text(origin),
    place: record.anyPath ? ANY_PLACE : placeOf(record),
    payee: text(payee),
    node_ids: nodeIds.map(text),
    price: `${amount.value}`,
    record: stringify(record),
    ...{ status, preimage, delivered },
    ...(fee !== undefined && { fee: `${fee.value}` }),
    ...(settledAt !== undefined && { settled_at: time(settledAt) }),
    ...closedColumns(closed),
  };
}

/** Of a credential that may serve any path. */
export const ANY_PLACE = "";

/** A path may be longer than an entry of a B-tree, and hold what no text of Postgres can. */
export const placeOf = ({ method, path }: Omit<PurchaseQuery, "origin">): string =>
  hexText(sha256(utf8(`${method} ${path}`)));

const amountColumns = ({ unit, value }: Amount): EventRow => ({ unit, value: `${value}` });

const closedColumns = (closed: PaymentRecord["closed"]): EventRow =>
  closed === undefined ? {} : { closed_to: text(closed.to), closed_until: time(closed.until) };

/** `bigint` has no JSON of its own, and a number would round. */
export const stringify = (value: object): string =>
  JSON.stringify(value, (_key, member) => (typeof member === "bigint" ? `${member}` : member));

/** A payment as `sigil_payment_json` gives it. */
export interface PaymentJson {
  readonly record: string;
  readonly order: string;
  readonly status: PaymentStatus;
  readonly preimage: string | null;
  /** In the unit of the payment's amount. */
  readonly fee: string | null;
  readonly settledAt: number | null;
  readonly delivered: boolean;
  readonly closedTo: string | null;
  readonly closedUntil: number | null;
}

export function decodePayment(row: PaymentJson): PaymentRecord {
  const record = JSON.parse(row.record);
  return {
    ...record,
    enforced: record.enforced,
    amount: decodeAmount(record.amount),
    maxFee: decodeAmount(record.maxFee),
    order: row.order,
    status: row.status,
    delivered: row.delivered,
    ...(row.preimage !== null && { preimage: row.preimage }),
    ...(row.fee !== null && { fee: decodeAmount({ unit: record.amount.unit, value: row.fee }) }),
    ...(row.settledAt !== null && { settledAt: row.settledAt }),
    ...(row.closedTo !== null && { closed: { to: row.closedTo, until: row.closedUntil! } }),
  };
}

const decodeAmount = ({ unit, value }: { unit: Unit; value: unknown }): Amount => ({
  unit,
  value: BigInt(value as string),
});

/**
 * `true`; or the refused limits as `[id, used, reserved]`; or the payment that stands in the way.
 */
export type ReserveJson = true | readonly (readonly [string, string, string])[];
export type BeginJson =
  | ReserveJson
  | { readonly repeated: PaymentJson }
  | { readonly ordered: PaymentJson }
  | { readonly open: PaymentJson };

export const decodeReserve = (answer: ReserveJson): ReserveAnswer =>
  answer === true
    ? { reserved: true }
    : {
        reserved: false,
        refused: answer.map(([id, used, reserved]) => ({
          id,
          used: BigInt(used),
          reserved: BigInt(reserved),
        })),
      };

export function decodeBegin(answer: BeginJson): BeginAnswer {
  if (answer === true || Array.isArray(answer)) return decodeReserve(answer as ReserveJson);
  if ("ordered" in answer) return { reserved: false, ordered: decodePayment(answer.ordered) };
  if ("open" in answer) return { reserved: false, open: decodePayment(answer.open) };
  return {
    reserved: false,
    repeated: decodePayment((answer as { repeated: PaymentJson }).repeated),
  };
}

export type ResolutionJson = readonly [
  Resolution["outcome"],
  unit: Unit,
  value: string,
  uses: string,
];

export const decodeResolution = ([outcome, unit, value, uses]: ResolutionJson): Resolution => ({
  outcome,
  amount: decodeAmount({ unit, value }),
  uses: BigInt(uses),
});

/** The columns of a {@link JournalRow}, of `sigil_journal j`. */
export const ENTRY = "j.seq::text, j.at, j.type, j.ref, j.unit, j.value::text, j.detail";

/** A row of `sigil_journal`. */
export interface JournalRow {
  readonly seq: string;
  readonly at: number;
  readonly type: JournalEvent["type"];
  readonly ref: string;
  readonly unit: Unit;
  readonly value: string;
  readonly detail: string;
}

export function decodeEntry(row: JournalRow): JournalEntry {
  return { seq: Number(row.seq), at: row.at, event: decodeJournalEvent(row) };
}

function decodeJournalEvent({ type, ref, unit, value, detail }: JournalRow): JournalEvent {
  switch (type) {
    case "reserve":
      return { type, reservation: decodeReservation(JSON.parse(detail)) };
    case "commit":
      return { type, id: ref, amount: decodeAmount({ unit, value }) };
    case "release":
      return { type, id: ref };
    case "payment":
      return { type, paymentHash: ref, status: detail };
    default:
      return JSON.parse(detail);
  }
}

const decodeReservation = (written: Reservation): Reservation => ({
  ...written,
  amount: decodeAmount(written.amount),
  uses: BigInt(written.uses),
  counted: written.counted.map(decodeLimit),
});

const decodeLimit = <Limit extends Counted>(limit: Limit): Limit => ({
  ...limit,
  ...(limit.max !== undefined && { max: BigInt(limit.max) }),
});

export function decodeNode(written: string): NodeRecord {
  const record: NodeRecord = JSON.parse(written);
  return { ...record, limits: record.limits.map(decodeLimit) };
}
