/**
 * Three nodes in a row: a payer, a hop that takes a fee, a payee; money on both sides of both
 * channels. It runs by itself while there is something to do, and rests in between.
 */
import { createHash } from "node:crypto";
import { Chain, CONFIRMATIONS } from "./chain.ts";
import { unwrap } from "./ldk.ts";
import { LdkNode } from "./node.ts";
import { Wire } from "./wire.ts";

const CHANNEL_SATOSHIS = 1_000_000n;
const PUSHED_MSAT = 400_000_000n;

export class Road {
  readonly chain: Chain;
  readonly payer: LdkNode;
  readonly hop: LdkNode;
  readonly payee: LdkNode;
  /** Aborted once the road is closed: nothing that was begun will end. */
  readonly closed: AbortSignal;
  readonly #closing = new AbortController();
  readonly #wires: readonly Wire[];
  readonly #waiting: { readonly rested: () => void; readonly broke: (error: unknown) => void }[] =
    [];
  #turn: NodeJS.Immediate | undefined;

  /** Channels open. `time`: Unix seconds of every block. */
  static async open(time = Date.now() / 1000): Promise<Road> {
    const road = new Road(time);
    await road.rest();
    await road.#openChannel(road.payer, road.hop, 1n);
    await road.#openChannel(road.hop, road.payee, 2n);
    const { chain, payer, hop, payee } = road;
    chain.mine([...payer.funding, ...hop.funding]);
    for (let depth = 1; depth < CONFIRMATIONS; depth++) chain.mine();
    await road.rest();
    for (const [node, channels] of [[payer, 1] as const, [hop, 2] as const, [payee, 1] as const])
      if (node.manager.list_usable_channels().length !== channels)
        throw new Error("LDK did not open the channels of the road");
    return road;
  }

  private constructor(time: number) {
    this.closed = this.#closing.signal;
    this.chain = new Chain(time);
    this.payer = new LdkNode(seedOf("payer"), this.chain);
    this.hop = new LdkNode(seedOf("hop"), this.chain);
    this.payee = new LdkNode(seedOf("payee"), this.chain);
    this.#wires = [new Wire(this.payer, this.hop), new Wire(this.hop, this.payee)];
  }

  async #openChannel(from: LdkNode, to: LdkNode, userId: bigint): Promise<void> {
    const asked = from.manager.create_channel(
      to.id,
      CHANNEL_SATOSHIS,
      PUSHED_MSAT,
      userId,
      null,
      null,
    );
    unwrap(asked, "to open a channel");
    await this.rest();
  }

  /** To be called after anything was asked of a node: it works until nothing is left to do. */
  wake(): void {
    if (this.closed.aborted) return;
    // One round a turn: servers of the same process are heard in between. When all is quiet no
    // immediate is left, and nothing keeps the process.
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      try {
        if (this.#round()) this.wake();
        else for (const { rested } of this.#waiting.splice(0)) rested();
      } catch (error) {
        // Anyone who waits fails with it. Where nobody does, it must not go unseen.
        const waiting = this.#waiting.splice(0);
        for (const { broke } of waiting) broke(error);
        if (waiting.length === 0) throw error;
      }
    });
  }

  /**
   * Resolves once nothing is left to do. LDK does nothing of its own accord: it has no timer and no
   * thread here.
   */
  rest(): Promise<void> {
    if (this.closed.aborted) return Promise.resolve();
    return new Promise((rested, broke) => {
      this.#waiting.push({ rested, broke });
      this.wake();
    });
  }

  close(): void {
    this.#closing.abort();
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    for (const { rested } of this.#waiting.splice(0)) rested();
  }

  #round(): boolean {
    let moved = false;
    for (const node of [this.payer, this.hop, this.payee]) moved = node.work() || moved;
    for (const wire of this.#wires) moved = wire.deliver() || moved;
    return moved;
  }
}

/** The same in every run. */
export function seedOf(who: string): Uint8Array {
  return Uint8Array.from(
    createHash("sha256").update(`the seed of the ${who} of the LDK road`).digest(),
  );
}
