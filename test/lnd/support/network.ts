/**
 * A private Lightning network on loopback: btcd, and three lnd nodes in a row, so that a payment
 * costs a routing fee. `payer` has money in its channel to `hub`, which has money in its channel to
 * `payee`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../e2e/support/free-port.ts";
import { Btcd } from "./btcd.ts";
import type { Binaries } from "./build.ts";
import { type LndNode, LndProcess, type NodeFacts } from "./node.ts";
import { until } from "./program.ts";

/** In a row, each with a channel to the next. */
const NAMES = ["payer", "hub", "payee"] as const;
const CHANNEL_SAT = "10000000";
const FUNDING_SAT = "100000000";
/**
 * Segwit is voted in within three windows of 144 blocks; a coinbase can be spent long before that.
 */
const MATURITY = 440;
/** Until a channel is announced. */
const CONFIRMATIONS = 6;

/** What another process needs to know of the network to use it. */
export interface NetworkFacts {
  readonly payer: NodeFacts;
  readonly hub: NodeFacts;
  readonly payee: NodeFacts;
  /**
   * For a node that a test starts itself: it has no channel, and is made as its owner would, with a
   * password.
   */
  readonly bare: {
    readonly lnd: string;
    readonly args: readonly string[];
    readonly folder: string;
  };
}

export class LndNetwork {
  readonly #folder: string;
  readonly #btcd: Btcd;
  readonly #bare: NetworkFacts["bare"];
  readonly #processes: readonly LndProcess[];
  #nodes: readonly LndNode[] = [];

  private constructor(folder: string, binaries: Binaries, ports: readonly number[]) {
    this.#folder = folder;
    this.#btcd = new Btcd(folder, binaries.btcd, { rpc: ports[0]!, peer: ports[1]! });
    const args = [
      "--bitcoin.active",
      "--bitcoin.regtest",
      ...this.#btcd.lndArgs,
      "--nobootstrap",
      // Gossip at once, not once in ninety seconds.
      "--trickledelay=50",
      "--gossip.sub-batch-delay=5ms",
    ];
    this.#bare = { lnd: binaries.lnd, args, folder };
    this.#processes = NAMES.map((name, at) => {
      const [rest, rpc, peer] = ports.slice(2 + at * 3) as [number, number, number];
      return new LndProcess(name, folder, { rest, rpc, peer }, binaries.lnd, [
        ...args,
        "--noseedbackup",
      ]);
    });
  }

  static async start(binaries: Binaries, progress: (text: string) => void): Promise<LndNetwork> {
    const ports: number[] = [];
    while (ports.length < 2 + NAMES.length * 3) ports.push(await freePort());
    const network = new LndNetwork(mkdtempSync(join(tmpdir(), "sigil-lnd-")), binaries, ports);
    try {
      await network.#open(progress);
      return network;
    } catch (error) {
      await network.stop();
      throw error;
    }
  }

  get facts(): NetworkFacts {
    const [payer, hub, payee] = this.#nodes.map(({ facts }) => facts) as [
      NodeFacts,
      NodeFacts,
      NodeFacts,
    ];
    return { payer, hub, payee, bare: this.#bare };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.#btcd.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #open(progress: (text: string) => void): Promise<void> {
    const phase = timer(progress);
    await this.#btcd.start();
    this.#nodes = await Promise.all(this.#processes.map((process) => process.start()));
    const [payer, hub, payee] = this.#nodes as [LndNode, LndNode, LndNode];
    phase("btcd and three lnd nodes started");
    const { address } = await payer.get("/v1/newaddress?type=WITNESS_PUBKEY_HASH");
    await this.#btcd.stop();
    await this.#btcd.start(address);
    // A node that has not found btcd again yet hears of the next block, and then of all before it.
    await until("the first block at every node", async () => {
      await this.#btcd.mine(1);
      await this.#synced(2);
      return true;
    });
    await this.#btcd.mine(MATURITY);
    await this.#synced();
    const { address: hubs } = await hub.get("/v1/newaddress?type=WITNESS_PUBKEY_HASH");
    await until("coins at the payer", () =>
      payer.post("/v1/transactions", { addr: hubs, amount: FUNDING_SAT }),
    );
    await this.#mined(1);
    phase(`${MATURITY} blocks mined, the nodes funded`);
    await this.#channel(payer, hub);
    await this.#channel(hub, payee);
    await until("a way from the payer to the payee", async () => {
      const path = `/v1/graph/routes/${payee.publicKey}/1000`;
      return (await payer.get(path)).routes.length > 0;
    });
    phase("two channels opened, announced and known");
  }

  async #channel(from: LndNode, to: LndNode): Promise<void> {
    await from.post("/v1/peers", {
      addr: { pubkey: to.publicKey, host: `127.0.0.1:${to.facts.ports.peer}` },
      timeout: "10",
    });
    await until(`a channel from ${from.facts.name} to ${to.facts.name}`, () =>
      from.post("/v1/channels", {
        node_pubkey_string: to.publicKey,
        local_funding_amount: CHANNEL_SAT,
      }),
    );
    await this.#mined(CONFIRMATIONS);
    for (const node of [from, to])
      await until(
        "an active channel",
        async () => (await node.get("/v1/getinfo")).num_active_channels > 0,
      );
  }

  /**
   * What a node has just sent reaches the miner a moment later: a block without it confirms
   * nothing.
   */
  async #mined(blocks: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await this.#btcd.mine(blocks);
    await this.#synced();
  }

  async #synced(seconds = 60): Promise<void> {
    const height = await this.#btcd.height();
    for (const node of this.#nodes)
      await until(
        `${node.facts.name} at the newest block`,
        async () => {
          const {
            synced_to_chain: synced,
            wallet_synced: own,
            block_height: at,
          } = await node.get("/v1/getinfo");
          return synced && own !== false && at === height;
        },
        seconds,
      );
  }
}

/** Says how long each phase took. */
export function timer(progress: (text: string) => void): (what: string) => void {
  let began = performance.now();
  return (what) => {
    progress(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${what}`);
    began = performance.now();
  };
}
