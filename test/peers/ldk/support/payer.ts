/**
 * The paying wallet of an LDK node: what a program that embeds LDK must do so that `Payer` holds.
 */
import { randomUUID } from "node:crypto";
import type {
  Network,
  Payer,
  PaymentOutcome,
  PaymentRequest,
  WalletPayment,
} from "../../../../packages/l8nt/src/ports/wallet.ts";
import { hex, ldk, someOf, unwrap } from "./ldk.ts";
import type { Ending, LdkNode } from "./node.ts";
import type { Road } from "./road.ts";

/** A payment that was handed to LDK. In flight until there is an outcome. */
interface Order {
  readonly amountMsat: bigint;
  outcome?: PaymentOutcome;
  /** Unix seconds at which its outcome was known. */
  endedAt?: number;
  readonly ended: Promise<PaymentOutcome>;
  readonly end: (outcome: PaymentOutcome) => void;
}

/**
 * One attempt. LDK takes a time-out only where it has a system clock, and in Wasm it has none: this
 * way nothing is sent any more once `send_payment` has returned, however late it is. To retry and
 * then call `abandon_payment` at the time-out would do the same, and LDK then forgets what the
 * payment's fee was. [case 57]
 */
const RETRIES = 0;

/** Every payment's id is its hash, so that LDK too sees a second one as what it is. */
type Refusal = "DuplicatePayment" | "PaymentExpired" | "RouteNotFound" | "OnionPacketSizeExceeded";

export class LdkPayer implements Payer {
  readonly #node: LdkNode;
  readonly #road: Road;
  readonly #clock: () => number;
  readonly #run = randomUUID();
  /**
   * By payment hash, and kept for good: LDK forgets a payment some minutes after it was sent, and
   * would then send it again. A wallet that outlives its process keeps this on disk; here the node
   * does not outlive it either.
   */
  readonly #orders = new Map<string, Order>();

  /** `clock`: Unix seconds, of the machine that the wallet runs on. */
  constructor(road: Road, clock: () => number = () => Date.now() / 1000) {
    this.#node = road.payer;
    this.#road = road;
    this.#clock = clock;
    this.#node.onEnding((ending) => this.#end(ending));
  }

  async network(): Promise<Network> {
    return "bcrt";
  }

  /**
   * The node's key is not enough: the same seed comes again with each run, and what it paid does
   * not. [case 59]
   */
  async identity(): Promise<string> {
    return `${hex(this.#node.id)} ${this.#run}`;
  }

  // Up to `send_payment` there is no await: of any number that ask at once, one finds no order and
  // sends. [case 64]
  async pay(request: PaymentRequest): Promise<PaymentOutcome> {
    const known = this.#orders.get(request.paymentHash);
    // What failed has no part in flight any more, and may be tried again. Anything else is waited
    // for.
    if (known !== undefined && known.outcome?.status !== "failed")
      return this.#wait(known, request.timeoutSeconds);
    const invoice = this.#read(request);
    if (typeof invoice === "string") return { status: "failed", reason: invoice };
    const order = newOrder(request.amountMsat);
    // Before LDK has it: an ending finds its order, whenever it comes.
    this.#orders.set(request.paymentHash, order);
    let refusal: Refusal | undefined;
    try {
      refusal = this.#send(invoice, request);
    } catch {
      // A crash in LDK's midst: nobody knows how far it came, so the order stays in flight.
      return { status: "unknown", reason: "LDK broke while it was sending" };
    }
    // Somebody beside this wallet had LDK pay this hash, and it may be on its way: waited for as if
    // it were ours. Every other refusal comes before anything is sent, and leaves nothing in LDK
    // that could send it later.
    if (refusal !== undefined && refusal !== "DuplicatePayment")
      this.#conclude(order, { status: "failed", reason: refusal });
    this.#road.wake();
    return this.#wait(order, request.timeoutSeconds);
  }

  async find(paymentHash: string): Promise<PaymentOutcome> {
    const order = this.#orders.get(paymentHash.toLowerCase());
    if (order !== undefined) return order.outcome ?? IN_FLIGHT;
    // Another user of the same node may have paid it.
    if (this.#isInLdk(paymentHash))
      return { status: "unknown", reason: "LDK has it, and this wallet does not" };
    // Certain, because neither the wallet nor the node was ever restarted. [case 59]
    return { status: "never-sent", reason: "this wallet was never told to pay it" };
  }

  /**
   * Its own. What others beside it have paid from this node it cannot list: LDK's word of a payment
   * names no amount.
   */
  async paidSince(at: number): Promise<readonly WalletPayment[]> {
    return [...this.#orders].flatMap(([paymentHash, { amountMsat, outcome, endedAt }]) =>
      outcome?.status === "paid" && endedAt! >= at
        ? [{ paymentHash, amountMsat, feeMsat: outcome.feeMsat, at: endedAt! }]
        : [],
    );
  }

  /**
   * The invoice as LDK reads it, or why it is not paid. LDK itself would send for any network, at
   * any time, to any amount.
   */
  #read({ invoice, paymentHash, amountMsat }: PaymentRequest): ldk.Bolt11Invoice | string {
    const parsed = ldk.Bolt11Invoice.constructor_from_str(invoice);
    if (!parsed.is_ok()) return "LDK cannot read the invoice";
    const read = unwrap<ldk.Bolt11Invoice>(parsed, "an invoice");
    if (read.currency() !== ldk.Currency.LDKCurrency_Regtest)
      return "the invoice is of another network";
    if (hex(read.payment_hash()) !== paymentHash) return "the invoice has another payment hash";
    if (someOf<bigint>(read.amount_milli_satoshis()) !== amountMsat)
      return "the invoice asks for another amount";
    // Without a system clock LDK never calls an invoice expired where it pays, and where it is paid
    // gives two hours more.
    if (read.would_expire(BigInt(Math.floor(this.#clock())))) return "the invoice has expired";
    return read;
  }

  /** Undefined where LDK took it. */
  #send(invoice: ldk.Bolt11Invoice, { maxFeeMsat }: PaymentRequest): Refusal | undefined {
    const parameters = unwrap<ldk.ThreeTuple_ThirtyTwoBytesRecipientOnionFieldsRouteParametersZ>(
      ldk.UtilMethods.constructor_payment_parameters_from_invoice(invoice),
      "an invoice without an amount",
    );
    const route = parameters.get_c();
    // Without this LDK takes 1 % and 50 sat. It holds for all parts and all attempts together.
    // [case 46]
    route.set_max_total_routing_fee_msat(ldk.Option_u64Z.constructor_some(maxFeeMsat));
    const hash = parameters.get_a();
    const attempts = ldk.Retry.constructor_attempts(RETRIES);
    const sent = this.#node.manager.send_payment(hash, parameters.get_b(), hash, route, attempts);
    if (sent.is_ok()) return undefined;
    const { err } = sent as ldk.Result_NoneRetryableSendFailureZ_Err;
    return ldk.RetryableSendFailure[err].replace(/^LDK\w+_/, "") as Refusal;
  }

  /** Only LDK's own word ends an order. */
  #end(ending: Ending): void {
    const order = this.#orders.get(ending.paymentHash);
    if (order === undefined) return;
    if (ending.kind === "failed")
      this.#conclude(order, { status: "failed", reason: ending.reason });
    else {
      const { preimage, feeMsat } = ending;
      // No fee is made up: what cannot be told exactly stays reserved, fee cap and all, until a
      // person has looked.
      this.#conclude(
        order,
        feeMsat === undefined ? FEE_UNKNOWN : { status: "paid", preimage, feeMsat },
      );
    }
  }

  #conclude(order: Order, outcome: PaymentOutcome): void {
    order.outcome = outcome;
    order.endedAt = Math.floor(this.#clock());
    order.end(outcome);
  }

  async #wait(order: Order, seconds: number): Promise<PaymentOutcome> {
    const { closed } = this.#road;
    if (closed.aborted) return order.outcome ?? IN_FLIGHT;
    let stop = () => {};
    const late = new Promise<PaymentOutcome>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000, IN_FLIGHT);
      const onClosed = () => resolve(IN_FLIGHT);
      closed.addEventListener("abort", onClosed);
      stop = () => {
        clearTimeout(timer);
        closed.removeEventListener("abort", onClosed);
      };
    });
    return Promise.race([order.ended, late]).finally(stop);
  }

  #isInLdk(paymentHash: string): boolean {
    return this.#node.manager.list_recent_payments().some((payment) => {
      const { payment_id } = payment as { payment_id?: Uint8Array };
      return payment_id !== undefined && hex(payment_id) === paymentHash.toLowerCase();
    });
  }
}

const FEE_UNKNOWN: PaymentOutcome = {
  status: "unknown",
  reason: "LDK paid it, and does not say for what fee",
};
const IN_FLIGHT: PaymentOutcome = { status: "unknown", reason: "the payment is in flight" };

function newOrder(amountMsat: bigint): Order {
  let end: Order["end"] = () => {};
  const ended = new Promise<PaymentOutcome>((resolve) => {
    end = resolve;
  });
  return { amountMsat, ended, end };
}
