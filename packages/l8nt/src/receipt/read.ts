/**
 * Reads one line of an export: it has every member, no other, and the canonical text.
 * spec/6-receipts.md §5.
 */
import { type Amount, UNITS } from "../amount.ts";
import { lineOf, type Receipt, type ReceiptHead, type Signable } from "./receipt.ts";

export interface SignedLine {
  readonly signed: Signable;
  /** Hex. */
  readonly signature: string;
}

type Json = Readonly<Record<string, unknown>>;
type Form = (member: unknown) => boolean;

const text: Form = (member) => typeof member === "string";
const texts: Form = (member) => Array.isArray(member) && member.every(text);
const matching =
  (form: RegExp): Form =>
  (member) =>
    typeof member === "string" && form.test(member);
const hash = matching(/^[0-9a-f]{64}$/);
const keyId = matching(/^[0-9a-f]{16}$/);
const decimal = matching(/^(?:0|[1-9][0-9]{0,18})$/);
const amount: Form = (member) =>
  typeof member === "object" &&
  member !== null &&
  UNITS.some((unit) => unit === (member as Json).unit) &&
  decimal((member as Json).value);
const natural: Form = (member) => Number.isSafeInteger(member) && (member as number) >= 0;
const version: Form = (member) => member === 1;

const RECEIPT: Readonly<Record<Exclude<keyof Receipt, "type">, Form>> = {
  version,
  seq: natural,
  previous: hash,
  keyId,
  paymentHash: hash,
  nodeIds: texts,
  lineage: texts,
  method: text,
  origin: text,
  pathClass: text,
  amount,
  fee: amount,
  settledAt: natural,
};

const earlier: Form = (member) =>
  member === undefined ||
  (Array.isArray(member) &&
    member.length > 0 &&
    member.every(
      (one: Json) =>
        typeof one === "object" &&
        one !== null &&
        natural(one.count) &&
        hash(one.last) &&
        natural(one.kept),
    ));

const HEAD: Readonly<Record<Exclude<keyof ReceiptHead, "type">, Form>> = {
  version,
  count: natural,
  last: hash,
  keyId,
  at: natural,
  earlier,
};

const SIGNATURE = /^[0-9a-f]{128}$/;

/** Returns what the line says, not yet verified; or what is wrong with it, for a message. */
export function readLine(line: string): SignedLine | string {
  let json: Json;
  try {
    json = JSON.parse(line);
  } catch {
    // The parser's own message would quote the text.
    return "it is not JSON, or was cut off";
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return "it is not an object";
  const { type, signature } = json;
  if (type !== "receipt" && type !== "head") return "it is neither a receipt nor a head";
  const forms: Readonly<Record<string, Form>> = type === "receipt" ? RECEIPT : HEAD;
  const members: Record<string, unknown> = { type };
  for (const [name, isOfForm] of Object.entries(forms)) {
    const member = Object.hasOwn(json, name) ? json[name] : undefined;
    if (!isOfForm(member)) return `its member ${name} is missing or not of its form`;
    if (member !== undefined)
      members[name] = isOfForm === amount ? readAmount(member as Json) : member;
  }
  if (type === "receipt" && unitOf(members.amount) !== unitOf(members.fee))
    return "its amount and its fee are in two units";
  if (typeof signature !== "string" || !SIGNATURE.test(signature))
    return "its member signature is missing or not of its form";
  const signed = members as unknown as Signable;
  // Writes the line again from what was read: a repeated or unknown member, another order or
  // another escape gives another text.
  return isTextOf(line, signed, signature) ? { signed, signature } : "it is not in canonical form";
}

const unitOf = (read: unknown): unknown => (read as Amount).unit;

const readAmount = ({ unit, value }: Json) => ({ unit, value: BigInt(value as string) });

function isTextOf(line: string, signed: Signable, signature: string): boolean {
  try {
    return lineOf(signed, signature) === line;
  } catch {
    // A lone surrogate has no canonical text.
    return false;
  }
}
