/** Wires the parts of a treasury, from the bottom up: each part knows only the parts above it. */
import { readMaxSilence } from "../feed/max-silence.ts";
import { lazily } from "../internal/lazily.ts";
import { Shares } from "../internal/shares.ts";
import { Authority } from "../l402/index.ts";
import { Keeper } from "../ledger/index.ts";
import { systemClock, systemSleep } from "../ports/clock.ts";
import type { PaymentSummary } from "../ports/treasury.ts";
import { MemoryStore } from "../stores/memory.ts";
import { inJournal, safely } from "./alarm.ts";
import { Blame } from "./blame.ts";
import { BooksClock } from "./books-clock.ts";
import { Bought } from "./bought.ts";
import { openBounded } from "./bounded-wallet.ts";
import { checkpointSeal } from "./checkpoint-seal.ts";
import { Delivery } from "./delivery.ts";
import { Digests } from "./digests.ts";
import { Directives } from "./directives.ts";
import { Explanations } from "./explanations.ts";
import { ForwardClock } from "./forward-clock.ts";
import { SpendingGate } from "./gate.ts";
import { Grants } from "./grants.ts";
import { KeptAnswers } from "./kept-answers.ts";
import { readLimits } from "./limits.ts";
import { Minting } from "./minting.ts";
import { readMints } from "./mints.ts";
import { NodeDirectory } from "./nodes.ts";
import type { TreasuryOptions } from "./options.ts";
import { OrderEnds } from "./order-ends.ts";
import { OrderUses } from "./order-uses.ts";
import { PaymentLookup, Sending } from "./payment-lookup.ts";
import { OutgoingPayments } from "./payments.ts";
import { Purchases } from "./purchases.ts";
import { Recall } from "./recall.ts";
import { ReceiptMaker } from "./receipt-maker.ts";
import { Reconciler } from "./reconciler.ts";
import { RestoredBooks } from "./restored-books.ts";
import { Rewrapping } from "./rewrapping.ts";
import { RunningOrders } from "./running-orders.ts";
import { Seats } from "./seats.ts";
import { ServiceRequests } from "./service-requests.ts";
import { Settler } from "./settler.ts";
import { Startup } from "./startup.ts";
import { UnpaidAsks } from "./unpaid-asks.ts";
import { wrappedStore } from "./wrapped-payments.ts";
import { Wrapping } from "./wrapping.ts";

/** The options of a treasury whose fetch is decided. */
export type CoreOptions = TreasuryOptions & Required<Pick<TreasuryOptions, "fetch">>;

export type TreasuryParts = ReturnType<typeof assemble>;

/** @throws TypeError for an option that cannot work */
export function assemble(options: CoreOptions, receiptMaker?: ReceiptMaker) {
  const { secret, location, fetch, onPaid = () => {} } = options;
  const opened = options.wallet;
  const open = typeof opened === "function" ? opened : async () => opened;
  const wallet = lazily(() => openBounded(open));
  const policy = readLimits(options, "a treasury");
  const raise = safely(options.alarm ?? (() => {}));
  const previousSecrets = options.previousSecrets ?? [];
  const wrapping = new Wrapping(secret, previousSecrets);
  // What is in the memory of this process has its secret beside it.
  const store =
    options.store === undefined ? new MemoryStore() : wrappedStore(options.store, wrapping, raise);
  const digests = new Digests(store, wrapping);
  const time = new ForwardClock(options.clock ?? systemClock, raise);
  const clock = time.now;
  const alarm = inJournal(raise, store, clock);
  const rewrapping = new Rewrapping(options.store, wrapping, digests, alarm);
  const { receiptSeed, curve } = options;
  const receipts = receiptMaker ?? new ReceiptMaker({ store, secret, receiptSeed, alarm: raise });
  const kind = "spending";
  const authority = new Authority({ secret, previousSecrets, location, kind, clock });

  const stops = (options.unexplainedPayments ?? "stop") === "stop";
  const blame = new Blame();
  const gate = new SpendingGate({
    store,
    clock,
    alarm,
    quarantineSeconds: policy.quarantineSeconds,
    isDoubted: (origin, nodeIds) => blame.isDoubted(origin, nodeIds, clock()),
    stopsUnexplained: stops,
    compareOnce: () => reconciler.compareOnce(),
  });
  const { maxSilence } = options;
  const maxSilenceSeconds = readMaxSilence(maxSilence);
  const directives = new Directives({ store, authority, gate, clock, alarm, maxSilence });
  const { mints } = options;
  const bases = mints && readMints(mints);
  const minted = bases && {
    grants: new Grants({
      ...{ keys: mints.keys, digest: digests.ofGrant, clock, bases },
      freezes: () => gate.freezeCount,
    }),
    bases,
  };
  const recall = new Recall({ fetch, store, directives, clock, maxSilenceSeconds, gate, minted });
  const nodes = new NodeDirectory({ store, clock, authority, gate });
  const explanations = new Explanations({ store, clock, gate, directives, alarm, stops });
  const { witness } = options;
  const restored = new RestoredBooks({ store, clock, gate, receipts, alarm, witness });
  const paid = (payment: PaymentSummary) => {
    restored.touch();
    onPaid(payment);
  };
  const settling = { store, clock, alarm, gate, explanations, recall };
  const settler = new Settler({ ...settling, onPaid: paid });
  const sending = new Sending();
  const paying = { wallet, store, clock, settler, sending };
  const running = new RunningOrders();
  const orders = new Shares(policy.maxOrders, "orders under way");
  const ends = new OrderEnds(authority.revocations, orders);
  const lookup = new PaymentLookup({ ...paying, running, ...policy });
  const payments = new OutgoingPayments({ ...paying, nodes, gate, policy, curve });
  const reconciler = new Reconciler({
    ...{ store, lookup, settler, explanations, wallet, clock, gate, alarm, restored },
  });
  const seats = new Seats(clock);
  const bought = new Bought({ store, clock, running, seats });
  const kept = new KeptAnswers(clock);
  const uses = new OrderUses({ store, clock, gate });
  const { sleep = systemSleep } = options;
  const services = new ServiceRequests({ fetch, sleep, ...policy });
  const told = { store, clock, sleep, alarm };
  const asks = new UnpaidAsks(clock);
  const delivery = new Delivery({
    ...{ ...told, nodes, bought, kept, blame, seats, asks, recall, settler, services },
    digest: digests.ofUse,
    ...policy,
  });
  const minting =
    minted &&
    new Minting({
      ...{ store, clock, gate, nodes, recall, services, delivery, ...minted },
      digest: digests.ofUse,
      payIfRefused: mints?.payIfRefused ?? false,
    });
  const purchases = new Purchases({
    ...{ store, clock, gate, nodes, payments, lookup, services, delivery, asks, minting },
  });
  const { keepSeconds } = policy;
  const failed = (cause: unknown) => {
    const { code } = Object(cause) as { readonly code?: unknown };
    if (code === "ERR_CHECKPOINT") alarm((cause as Error).message);
    else alarm("the journal could not be folded, and is tried again in a minute");
  };
  const { previousReceiptKeys = [] } = options;
  const sealed = checkpointSeal({ receipts, previousSecrets, previousReceiptKeys });
  // A store in memory that nobody else reads has no journal.
  const seal = options.store === undefined ? async () => undefined : sealed;
  const keeper = new Keeper({ books: store, clock, keepSeconds, failed, seal });
  const startup = new Startup({
    ...{ store, time, clock, directives, recall, reconciler, restored, rewrapping, digests },
    keeper,
  });

  const booksClock = new BooksClock({
    ...{ store, time, gate, directives, recall, reconciler, restored },
  });

  return {
    ...{ time, booksClock, ends },
    ...{ authority, store, clock, gate, directives, recall, nodes, sending, blame },
    ...{ explanations, restored, reconciler, running, bought, delivery, purchases, uses },
    ...{ startup, receipts, rewrapping, keeper, digests },
  };
}
