/**
 * The signature of a checkpoint of the journal: its text, the seals that sign it, and what verifies
 * it. spec/5-ledger.md §6.
 */
import { UNITS } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { hexBytes, hexText, utf8 } from "../internal/bytes.ts";
import {
  equalBytes,
  hkdfExpandUnder,
  hkdfExtract,
  hmacUnder,
  sha256Hex,
} from "../internal/crypto.ts";
import type { Checkpoint, CheckpointSeal, UnsignedCheckpoint } from "../ports/folding.ts";
import { canonical, type JcsValue } from "./jcs.ts";
import { ReceiptKey, type ReceiptSigner } from "./key.ts";

/** The `previous` of the first one. */
const NO_CHECKPOINT = "0".repeat(64);

/** Values and uses are decimal strings: a JSON number would round them. */
function membersOf({ signature: _, ...checkpoint }: Checkpoint): Record<string, JcsValue> {
  const { spent, uses, keyId = "", ...rest } = checkpoint;
  return {
    ...rest,
    ...{ type: "checkpoint", version: 1, keyId, uses: `${uses}` },
    spent: spent.map(({ unit, value }) => ({ unit, value: `${value}` })),
  };
}

const signedBytes = (checkpoint: Checkpoint): Uint8Array => utf8(canonical(membersOf(checkpoint)));

/** The canonical text with the signature. */
export const checkpointText = (checkpoint: Checkpoint): string =>
  canonical({ ...membersOf(checkpoint), signature: checkpoint.signature ?? "" });

/** Signs and verifies with keys of one kind. */
interface SealKey {
  readonly keyId: string;
  verifies(message: Uint8Array, signature: string): boolean;
}

interface SigningKey extends SealKey {
  sign(message: Uint8Array): string;
}

class Seal implements CheckpointSeal {
  readonly #key: SigningKey;
  readonly #known: readonly SealKey[];
  /** What was signed or verified last: a step of folding goes on from it. */
  #last: string | undefined;

  constructor(key: SigningKey, previous: readonly SealKey[]) {
    this.#key = key;
    this.#known = [key, ...previous];
  }

  follow(before: Checkpoint, next: UnsignedCheckpoint): Checkpoint {
    const unsigned: Checkpoint = {
      ...next,
      seq: before.seq + 1,
      previous: before.seq === 0 ? NO_CHECKPOINT : sha256Hex(utf8(checkpointText(before))),
      keyId: this.#key.keyId,
    };
    const checkpoint = { ...unsigned, signature: this.#key.sign(signedBytes(unsigned)) };
    this.#last = checkpointText(checkpoint);
    return checkpoint;
  }

  demand(checkpoint: Checkpoint): void {
    const text = textOf(checkpoint);
    if (text === this.#last) return;
    const fault = faultOf(checkpoint, this.#known);
    if (fault !== undefined) throw notSigned(fault);
    this.#last = text;
  }

  isOwn({ keyId }: Checkpoint): boolean {
    return keyId === this.#key.keyId;
  }
}

/** @throws AdapterError `ERR_CHECKPOINT` */
function textOf(checkpoint: Checkpoint): string {
  try {
    return checkpointText(checkpoint);
  } catch (cause) {
    throw notSigned("it has no canonical text", cause);
  }
}

function faultOf(checkpoint: Checkpoint, keys: readonly SealKey[]): string | undefined {
  const { keyId, signature } = checkpoint;
  if (keyId === undefined || signature === undefined) return "it has no signature";
  const key = keys.find((one) => one.keyId === keyId);
  if (key === undefined)
    return `key ${keyId} signed it, and the key here is ${keys[0]!.keyId}. If the key was replaced, give the one before it too`;
  return key.verifies(signedBytes(checkpoint), signature)
    ? undefined
    : "its signature is not valid, so it was altered";
}

const notSigned = (fault: string, cause?: unknown): AdapterError =>
  new AdapterError(
    "ERR_CHECKPOINT",
    `The checkpoint of the journal is not what the key of these books signed: ${fault}. Nothing is summed up on top of it; restore the books from a backup.`,
    { cause },
  );

const ED25519 = /^[0-9a-f]{128}$/;

const publicKey = async (text: string): Promise<SealKey> => {
  const key = await ReceiptKey.of(text);
  const { keyId } = key;
  return { keyId, verifies: (bytes, sig) => ED25519.test(sig) && key.verifies(bytes, sig) };
};

/**
 * A treasury's seal: anyone who has the public key can verify what it signs.
 *
 * @param previous public keys that signed before, 64 hex each
 * @throws TypeError for a malformed public key
 */
export async function signedSeal(
  signer: ReceiptSigner,
  previous: readonly string[] = [],
): Promise<CheckpointSeal> {
  const own = await publicKey(signer.publicKey);
  const keys = await Promise.all(previous.map(publicKey));
  return new Seal({ ...own, sign: (message) => signer.sign(message) }, keys);
}

/**
 * A paywall's seal, by HMAC-SHA256: only who has a key can verify it.
 *
 * @param keys 32 bytes each; the first one signs
 */
export function keyedSeal([key, ...previous]: readonly [
  Uint8Array,
  ...Uint8Array[],
]): CheckpointSeal {
  return new Seal(macKey(key), previous.map(macKey));
}

function macKey(key: Uint8Array): SigningKey {
  const expand = hkdfExpandUnder(hkdfExtract(key));
  const mac = hmacUnder(expand(utf8("mac")));
  return {
    keyId: hexText(expand(utf8("id"))).slice(0, 16),
    sign: (message) => hexText(mac(message)),
    verifies(message, signature) {
      const bytes = hexBytes(signature);
      return bytes !== undefined && equalBytes(bytes, mac(message));
    },
  };
}

/** Judges checkpoints, and signs none. */
export type CheckpointVerifier = Pick<CheckpointSeal, "demand">;

/**
 * What verifies a treasury's checkpoints with its public keys, and nothing else: `demand` throws an
 * `AdapterError` with `ERR_CHECKPOINT` for one that none of them signed.
 *
 * @param keys public keys, 64 hex each: the present one, and those before it
 * @throws TypeError for a malformed public key
 * @example
 * (await checkpointVerifier([receiptKey])).demand(await store.checkpoint());
 */
export async function checkpointVerifier(
  keys: readonly [string, ...string[]],
): Promise<CheckpointVerifier> {
  const known = await Promise.all(keys.map(publicKey));
  return {
    demand(checkpoint) {
      textOf(checkpoint);
      const fault = faultOf(checkpoint, known);
      if (fault !== undefined) throw notSigned(fault);
    },
  };
}

const HEX = { books: 32, previous: 64, digest: 64, counters: 64, keyId: 16 } as const;
const COUNTS = ["seq", "through", "at", "entries", "forgottenUntil"] as const;
const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

/**
 * Reads a checkpoint from its JSON text; it is not verified.
 *
 * @throws AdapterError `ERR_CHECKPOINT` for a text that is no checkpoint
 */
export function readCheckpoint(text: string): Checkpoint {
  const json = objectIn(text);
  const { type, version, spent, uses, ...rest } = json;
  const isOfForm =
    type === "checkpoint" &&
    version === 1 &&
    Object.entries(HEX).every(([name, length]) => isHex(rest[name], length)) &&
    COUNTS.every((name) => Number.isSafeInteger(rest[name]) && (rest[name] as number) >= 0) &&
    typeof rest.signature === "string" &&
    isDecimal(uses) &&
    Array.isArray(spent) &&
    spent.every((sum) => UNITS.includes(sum?.unit) && isDecimal(sum.value));
  if (!isOfForm) throw notACheckpoint();
  return {
    ...(rest as unknown as Omit<Checkpoint, "spent" | "uses">),
    uses: BigInt(uses),
    spent: spent.map(({ unit, value }) => ({ unit, value: BigInt(value) })),
  };
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as object) };
  } catch {
    // The parser's own message would quote the text.
    throw notACheckpoint();
  }
}

const isHex = (member: unknown, length: number): boolean =>
  typeof member === "string" && member.length === length && /^[0-9a-f]*$/.test(member);

const isDecimal = (member: unknown): member is string =>
  typeof member === "string" && DECIMAL.test(member);

const notACheckpoint = (): AdapterError =>
  new AdapterError(
    "ERR_CHECKPOINT",
    "The text is not a checkpoint: give the member `checkpoint` that `sigil journal checkpoint --json` prints.",
  );
