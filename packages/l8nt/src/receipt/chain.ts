/**
 * Verifies a chain of receipts: every signature, every `previous`, no missing number, no payment
 * twice. spec/6-receipts.md §3.
 */
import { type ReceiptCode, ReceiptError } from "../errors.ts";
import { ReceiptKey } from "./key.ts";
import { readLine, type SignedLine } from "./read.ts";
import { hashOfLine, NO_RECEIPT, type Receipt, signedBytes } from "./receipt.ts";

/** The result of {@link verifyChain}. */
export type ChainVerdict =
  | { readonly holds: true; readonly receipts: readonly Receipt[] }
  /** The first fault; `line` is the receipt's number in the sequence, from 1. */
  | { readonly holds: false; readonly fault: ReceiptError };

/**
 * Whether these texts are an unbroken chain from the first receipt on. Only an export with its head
 * shows that nothing was removed at the end.
 *
 * @throws TypeError for a malformed public key
 */
export async function verifyChain(
  texts: Iterable<string>,
  publicKey: string,
): Promise<ChainVerdict> {
  const chain = new Chain(await ReceiptKey.of(publicKey));
  const receipts: Receipt[] = [];
  try {
    for (const text of texts) receipts.push(chain.follow(text, chain.read(text)));
    return { holds: true, receipts };
  } catch (error) {
    if (error instanceof ReceiptError) return { holds: false, fault: error };
    throw error;
  }
}

/**
 * A verifier that has seen `count` genuine receipts. Every method throws a ReceiptError for the
 * next line.
 */
export class Chain {
  readonly #key: ReceiptKey;
  readonly #paid = new Set<string>();
  #last = NO_RECEIPT;

  constructor(key: ReceiptKey) {
    this.#key = key;
  }

  get count(): number {
    return this.#paid.size;
  }

  /** The hash of the last one. */
  get last(): string {
    return this.#last;
  }

  /** Reads the next line and verifies that its key signed it, receipt or head. */
  read(line: string): SignedLine["signed"] {
    const read = readLine(line);
    if (typeof read === "string") throw this.fault("ERR_RECEIPT_MALFORMED", read);
    const { signed, signature } = read;
    if (signed.keyId !== this.#key.keyId)
      throw this.fault(
        "ERR_RECEIPT_KEY",
        `key ${signed.keyId} signed it, and key ${this.#key.keyId} was asked for`,
      );
    if (!this.#key.verifies(signedBytes(signed), signature))
      throw this.fault("ERR_RECEIPT_FORGED", "its signature is not valid, so that it was altered");
    return signed;
  }

  /** Appends a line that `read` returned as the next receipt. */
  follow(line: string, signed: SignedLine["signed"]): Receipt {
    if (signed.type !== "receipt")
      throw this.fault("ERR_RECEIPT_CHAIN", "it is a head, and a receipt was expected");
    if (this.#paid.has(signed.paymentHash))
      throw this.fault("ERR_RECEIPT_REPEATED", "an earlier receipt is of the same payment");
    const next = this.count + 1;
    if (signed.seq !== next)
      throw this.fault(
        "ERR_RECEIPT_CHAIN",
        `it is receipt ${signed.seq}, and ${next} was expected: one is missing or out of place`,
      );
    if (signed.previous !== this.#last)
      throw this.fault(
        "ERR_RECEIPT_CHAIN",
        "it does not follow the receipt before it: it belongs to another chain",
      );
    this.#paid.add(signed.paymentHash);
    this.#last = hashOfLine(line);
    return signed;
  }

  /** A fault of the next line. */
  fault(code: ReceiptCode, what: string): ReceiptError {
    return new ReceiptError(code, this.count + 1, what);
  }
}
