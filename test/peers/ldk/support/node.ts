/**
 * One LDK node: keys, channels, peers; its events as plain values, and its own account of what it
 * paid and took.
 */
import { type Chain, NETWORK } from "./chain.ts";
import { bytesOf, hex, ldk, someOf, unwrap } from "./ldk.ts";

/** An outgoing payment that LDK has ended, one way or the other. */
export type Ending =
  | {
      readonly kind: "sent";
      readonly paymentHash: string;
      readonly preimage: string;
      /**
       * Undefined where somebody called `abandon_payment` while it was in flight: LDK forgets it
       * then.
       */
      readonly feeMsat: bigint | undefined;
    }
  | { readonly kind: "failed"; readonly paymentHash: string; readonly reason: string };

/** An incoming payment that was taken. */
export interface Claim {
  readonly paymentHash: string;
  readonly amountMsat: bigint;
}

export class LdkNode {
  readonly manager: ldk.ChannelManager;
  readonly peers: ldk.PeerManager;
  readonly id: Uint8Array;
  readonly chain: Chain;
  /** The transactions that open its channels. */
  readonly funding: Uint8Array[] = [];
  /** All that LDK has said about payments of this node, in order. */
  readonly endings: Ending[] = [];
  readonly claims: Claim[] = [];

  readonly #keys: ldk.KeysManager;
  readonly #handler: ldk.EventHandler;
  /** What arrived and is held, by payment hash; the preimage where LDK made it. */
  readonly #held = new Map<string, Uint8Array | undefined>();
  readonly #foreignPreimages = new Map<string, Uint8Array>();
  readonly #listeners: ((ending: Ending) => void)[] = [];
  #holds = false;
  #mustForward = false;
  #sawEvent = false;

  constructor(seed: Uint8Array, chain: Chain) {
    this.chain = chain;
    const logger = ldk.Logger.new_impl({
      log(record) {
        if (process.env.SIGIL_LDK_LOG !== undefined)
          process.stderr.write(`${record.get_module_path()}: ${record.get_args()}\n`);
      },
    });
    const fees = ldk.FeeEstimator.new_impl({ get_est_sat_per_1000_weight: () => 253 });
    // Nothing is ever sent to the chain here but what opens a channel, and the chain has that
    // already.
    const broadcaster = ldk.BroadcasterInterface.new_impl({ broadcast_transactions() {} });
    // In memory for as long as the test: a restart is not among what is tried here.
    const done = ldk.ChannelMonitorUpdateStatus.LDKChannelMonitorUpdateStatus_Completed;
    const disk = ldk.Persist.new_impl({
      persist_new_channel: () => done,
      update_persisted_channel: () => done,
      archive_persisted_channel() {},
    });
    const noFilter = ldk.Option_FilterZ.constructor_none();
    const monitor = ldk.ChainMonitor.constructor_new(noFilter, broadcaster, logger, fees, disk);
    // The nanoseconds keep what it derives apart from what the same seed derived before: here the
    // same every time.
    const keys = ldk.KeysManager.constructor_new(seed, BigInt(chain.time), 1);
    const [entropy, signer] = [keys.as_EntropySource(), keys.as_NodeSigner()];
    const graph = ldk.NetworkGraph.constructor_new(NETWORK, logger);
    const decay = ldk.ProbabilisticScoringDecayParameters.constructor_default();
    const scorer = ldk.ProbabilisticScorer.constructor_new(decay, graph, logger);
    const score = ldk.MultiThreadedLockableScore.constructor_new(scorer.as_Score());
    const router = ldk.DefaultRouter.constructor_new(
      graph,
      logger,
      entropy,
      score.as_LockableScore(),
      ldk.ProbabilisticScoringFeeParameters.constructor_default(),
    );
    const messageRouter = ldk.DefaultMessageRouter.constructor_new(graph, entropy);
    this.manager = ldk.ChannelManager.constructor_new(
      fees,
      monitor.as_Watch(),
      broadcaster,
      router.as_Router(),
      messageRouter.as_MessageRouter(),
      logger,
      entropy,
      signer,
      keys.as_SignerProvider(),
      settings(),
      ldk.ChainParameters.constructor_new(NETWORK, ldk.BestBlock.constructor_from_network(NETWORK)),
      chain.time,
    );
    const ignoring = ldk.IgnoringMessageHandler.constructor_new();
    this.peers = ldk.PeerManager.constructor_new(
      this.manager.as_ChannelMessageHandler(),
      ignoring.as_RoutingMessageHandler(),
      ignoring.as_OnionMessageHandler(),
      ignoring.as_CustomMessageHandler(),
      chain.time,
      entropy.get_secure_random_bytes(),
      logger,
      signer,
    );
    this.id = this.manager.get_our_node_id();
    this.#keys = keys;
    this.#handler = ldk.EventHandler.new_impl({
      handle_event: (event) => {
        this.#sawEvent = true;
        this.#handle(event);
        return ldk.Result_NoneReplayEventZ.constructor_ok();
      },
    });
    chain.follow(this.manager.as_Confirm(), monitor.as_Confirm());
  }

  /** The key that signs this node's invoices. */
  get secretKey(): Uint8Array {
    return this.#keys.get_node_secret_key();
  }

  /** `tell` is told of each ending as it comes. */
  onEnding(tell: (ending: Ending) => void): void {
    this.#listeners.push(tell);
  }

  /** What it can send, and what its channels keep as a reserve. What is in flight is in neither. */
  balanceMsat(): bigint {
    return this.manager.list_channels().reduce((total, channel) => {
      const reserve = someOf<bigint>(channel.get_unspendable_punishment_reserve()) ?? 0n;
      return total + channel.get_outbound_capacity_msat() + reserve * 1000n;
    }, 0n);
  }

  /** Does what has fallen due, its events among it. Whether there was anything. */
  work(): boolean {
    this.#sawEvent = false;
    this.peers.process_events();
    if (this.#mustForward) {
      this.#mustForward = false;
      this.#sawEvent = true;
      this.manager.process_pending_htlc_forwards();
    }
    this.manager.as_EventsProvider().process_pending_events(this.#handler);
    return this.#sawEvent;
  }

  /** What arrives from now on is neither taken nor refused, until it is released. */
  hold(): void {
    this.#holds = true;
  }

  isHolding(paymentHash: string): boolean {
    return this.#held.has(paymentHash);
  }

  /** Takes a held payment; what comes after it is taken at once again. */
  release(paymentHash: string): void {
    if (!this.#held.has(paymentHash)) throw new Error("nothing is held for this payment hash");
    this.#holds = false;
    this.#claim(paymentHash);
  }

  /** Refuses a held payment; what comes after it is taken at once again. */
  refuse(paymentHash: string): void {
    if (!this.#held.delete(paymentHash)) throw new Error("nothing is held for this payment hash");
    this.#holds = false;
    this.manager.fail_htlc_backwards(bytesOf(paymentHash));
  }

  /** A preimage that LDK did not make, for a payment hash that it was told of. */
  knowPreimage(paymentHash: string, preimage: Uint8Array): void {
    this.#foreignPreimages.set(paymentHash, preimage);
  }

  #claim(paymentHash: string): void {
    const preimage = this.#held.get(paymentHash) ?? this.#foreignPreimages.get(paymentHash);
    this.#held.delete(paymentHash);
    if (preimage === undefined) throw new Error("nobody knows the preimage of what arrived");
    this.manager.claim_funds(preimage);
  }

  /**
   * Events come while LDK is at work: what calls it back must not run it again, and reads what it
   * needs at once.
   */
  #handle(event: ldk.Event): void {
    if (event instanceof ldk.Event_FundingGenerationReady) {
      const { channel_value_satoshis, output_script, temporary_channel_id, counterparty_node_id } =
        event;
      const transaction = this.chain.fund(output_script, channel_value_satoshis);
      const answer = this.manager.funding_transaction_generated(
        temporary_channel_id,
        counterparty_node_id,
        transaction,
      );
      unwrap(answer, "the transaction that opens a channel");
      this.funding.push(transaction);
    } else if (event instanceof ldk.Event_PendingHTLCsForwardable) {
      // It names a time to wait for, so that what passes through cannot be told apart. There is
      // nobody here to tell.
      this.#mustForward = true;
    } else if (event instanceof ldk.Event_PaymentClaimable) {
      const paymentHash = hex(event.payment_hash);
      this.#held.set(paymentHash, someOf(event.purpose.preimage()));
      if (!this.#holds) this.#claim(paymentHash);
    } else if (event instanceof ldk.Event_PaymentClaimed)
      this.claims.push({ paymentHash: hex(event.payment_hash), amountMsat: event.amount_msat });
    else if (event instanceof ldk.Event_PaymentSent)
      this.#end({
        kind: "sent",
        paymentHash: hex(event.payment_hash),
        preimage: hex(event.payment_preimage),
        feeMsat: someOf<bigint>(event.fee_paid_msat),
      });
    else if (event instanceof ldk.Event_PaymentFailed) {
      const reason = someOf<ldk.PaymentFailureReason>(event.reason);
      const name = reason === undefined ? "no reason" : ldk.PaymentFailureReason[reason];
      // The id of a payment is its hash here, and is there also where the hash is not.
      this.#end({
        kind: "failed",
        paymentHash: hex(event.payment_id),
        reason: name.replace(/^LDK\w+_/, ""),
      });
    }
  }

  #end(ending: Ending): void {
    this.endings.push(ending);
    for (const tell of this.#listeners) tell(ending);
  }
}

function settings(): ldk.UserConfig {
  const config = ldk.UserConfig.constructor_default();
  // Its channels are not announced to anybody: that is how most services' wallets stand, and
  // invoices then carry a hint.
  config.set_accept_forwards_to_priv_channels(true);
  return config;
}
