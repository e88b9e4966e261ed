/**
 * A made-up regtest chain: headers with no work in them, and the transactions that open channels.
 * LDK believes anyone who feeds it blocks, so nothing more is needed. The chain is a node's only
 * clock: LDK in Wasm has no other.
 */
import { createHash } from "node:crypto";
import { ldk } from "./ldk.ts";

/** What follows the chain: a node's channels, and what watches over them. */
export type Follower = Pick<ldk.Confirm, "transactions_confirmed" | "best_block_updated">;

export const NETWORK = ldk.Network.LDKNetwork_Regtest;

/** Depth at which LDK's defaults take a channel for open. */
export const CONFIRMATIONS = 6;

export class Chain {
  readonly #followers: Follower[] = [];
  #height = 0;
  #tip: Buffer;
  /** Unix seconds of the newest block. */
  #time: number;
  #funded = 0;

  constructor(time: number) {
    this.#time = Math.floor(time);
    this.#tip = Buffer.from(ldk.BestBlock.constructor_from_network(NETWORK).get_block_hash());
  }

  get time(): number {
    return this.#time;
  }

  /** Only those that follow from the first block on: none is told what it missed. */
  follow(...followers: Follower[]): void {
    if (this.#height > 0)
      throw new Error("the chain has begun: a node must follow it from its first block");
    this.#followers.push(...followers);
  }

  /** One block, no earlier than the last. */
  mine(transactions: readonly Uint8Array[] = [], time = this.#time): void {
    if (time < this.#time) throw new Error("a block cannot be older than the one before it");
    this.#time = Math.floor(time);
    this.#height++;
    const header = Buffer.alloc(80);
    header.writeInt32LE(0x20000000, 0);
    this.#tip.copy(header, 4);
    header.writeUInt32LE(this.#time, 68);
    // The difficulty of regtest: the easiest there is.
    header.writeUInt32LE(0x207fffff, 72);
    this.#tip = sha256(sha256(header));
    const block = Uint8Array.from(header);
    // After the coinbase, which nobody here looks at.
    const confirmed = transactions.map((transaction, at) =>
      ldk.TwoTuple_usizeTransactionZ.constructor_new(at + 1, Uint8Array.from(transaction)),
    );
    for (const follower of this.#followers) {
      if (confirmed.length > 0) follower.transactions_confirmed(block, confirmed, this.#height);
      follower.best_block_updated(block, this.#height);
    }
  }

  /**
   * A transaction that pays `satoshis` to a script, out of nothing. LDK checks the output, and
   * leaves the input to the chain.
   */
  fund(script: Uint8Array, satoshis: bigint): Uint8Array {
    const value = Buffer.alloc(8);
    value.writeBigUInt64LE(satoshis);
    return Uint8Array.from(
      Buffer.concat([
        Buffer.from([2, 0, 0, 0, 0, 1, 1]), // version 2, with a witness, one input
        Buffer.alloc(32, ++this.#funded), // another output spent by each, or they would be one transaction
        Buffer.from([0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1]), // its output 0, no script, final; one output
        value,
        Buffer.from([script.length]),
        script,
        Buffer.from([1, 1, 0xff, 0, 0, 0, 0]), // a witness of one byte: LDK takes segwit funding alone; no lock time
      ]),
    );
  }
}

function sha256(data: Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}
