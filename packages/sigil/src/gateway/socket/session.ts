/** One WebSocket of an agent: admitted, paid for by the minute, and closed when it is not. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Amount } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import { branchOf, checkHead, checkNotSold, grantedBy, hasBudget } from "../admission.ts";
import { forUpstream } from "../core/fields.ts";
import type { Target } from "../core/request.ts";
import type { Upgrade } from "../core/server.ts";
import { ofCredential, withoutProtocolKeys, withoutQueryKeys } from "../credential/place.ts";
import { presentedKey } from "../credential/present.ts";
import { demanded, proven } from "../credential/prove.ts";
import { missing, noBudget, noKey, stoppedBy, unreached } from "../denials.ts";
import { Denied, denialOf } from "../denied.ts";
import type { Entry } from "../entry.ts";
import { insteadOf } from "../refusal.ts";
import type { Service } from "../service.ts";
import { type Counted, UNCOUNTED, wouldDeny } from "../shadow.ts";
import { Hider } from "../vault/hide.ts";
import { placed, withQuery } from "../vault/place.ts";
import type { Lease } from "../vault/vault.ts";
import { ClientLeft, Leaving } from "./leaving.ts";
import { type Opened, Opening } from "./open.ts";
import { GOING_AWAY, POLICY, Relay, type RelayEnd, type Timer } from "./relay.ts";
import type { SocketMatch } from "./rule.ts";
import { ShownMessages } from "./shown.ts";

export interface SocketContext {
  /** Unix seconds. */
  readonly clock: () => number;
  readonly timer: Timer;
  readonly alarm: (what: string) => void;
  readonly entry: Entry;
  /** Whether budgets, models and prices deny nothing. */
  readonly isShadow: boolean;
}

/** What would hide the vendor's key from what hides it: of an answer, and of messages. */
const NEGOTIATED: ReadonlySet<string> = new Set(["accept-encoding", "sec-websocket-extensions"]);

const MINUTE_MS = 60_000;
/** The next minute is reserved so long before it begins. */
const AHEAD_MS = 5_000;

/** What was reserved for the connection and its first minute, or for another minute. */
interface Paid {
  readonly granted: Counted;
  readonly amount: Amount;
}

/** A WebSocket whose first minute is reserved. */
interface Beginning {
  readonly verified: Verified;
  readonly lease: Lease | undefined;
  readonly first: Paid;
  /** Aborts when the client has left. */
  readonly left: AbortSignal;
}

export class SocketSession {
  readonly #service: Service;
  readonly #match: SocketMatch;
  readonly #target: Target;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #upgrade: Upgrade;
  readonly #context: SocketContext;
  #spent = 0n;
  /** Whether `--shadow` has let through what a limit would deny. */
  #isUncounted = false;
  /** Reserved until now. */
  #minutes = 0;

  constructor(
    {
      service,
      match,
      target,
    }: { readonly service: Service; readonly match: SocketMatch; readonly target: Target },
    incoming: IncomingMessage,
    { outgoing, upgrade }: { readonly outgoing: ServerResponse; readonly upgrade: Upgrade },
    context: SocketContext,
  ) {
    this.#service = service;
    this.#match = match;
    this.#target = target;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#upgrade = upgrade;
    this.#context = context;
  }

  /** @throws Denied, and every error that `denialOf` reads, before it is open */
  async run(): Promise<void> {
    const { name, vault, needsKey, preset, paywall } = this.#service;
    const lease = vault.lease(name);
    if (lease === undefined && needsKey) throw noKey(name);
    try {
      const { rawHeaders } = this.#incoming;
      const text = presentedKey(preset.credentialPlaces, rawHeaders, this.#target.query);
      if (text === undefined) throw missing();
      const found = await proven(paywall, text);
      const { entry, clock } = this.#context;
      entry.proven(found);
      const { path, query } = this.#target;
      const verified = await demanded(
        paywall,
        found,
        {
          ...{ method: this.#incoming.method ?? "", target: path + query, lines: rawHeaders },
          body: async () => new Uint8Array(),
        },
        clock,
      );
      checkNotSold(this.#service, verified);
      checkHead(preset, rawHeaders, this.#target);
      const slot = this.#service.slots.take(branchOf(verified));
      const leaving = new Leaving(this.#upgrade.socket);
      leaving.signal.addEventListener("abort", slot.release);
      try {
        if (!leaving.signal.aborted) await slot.free;
        if (leaving.signal.aborted) throw new Denied(unreached(new ClientLeft(), undefined));
        await this.#open(verified, lease, leaving);
      } finally {
        leaving.stop();
        slot.release();
      }
    } finally {
      lease?.end();
    }
  }

  async #open(verified: Verified, lease: Lease | undefined, leaving: Leaving): Promise<void> {
    const { perConnection, perMinute } = this.#match.rule;
    const { unit, value } = perMinute;
    const amount = { unit, value: value + (perConnection?.value ?? 0n) };
    const isPayable = amount.value === 0n || hasBudget(verified, unit);
    if (!isPayable && !this.#context.isShadow) throw noBudget(unit);
    this.#context.entry.opened({ unit, reserved: amount.value, price: "per minute" });
    let first = await this.#reserve(verified, amount);
    if (!isPayable) {
      await this.#giveBack(first);
      this.#shadow(noBudget(unit));
      first = { amount, granted: UNCOUNTED };
    }
    const opened = await this.#opened({ verified, lease, first, left: leaving.signal });
    leaving.stop();
    if (opened === undefined) return;
    const { socket: vendor, fields } = opened;
    const client = this.#upgrade.socket;
    this.#outgoing.detachSocket(client);
    client.write(headOf(fields));
    if (this.#upgrade.head.length > 0) client.unshift(this.#upgrade.head);
    const { idleMs, totalMs } = this.#match.rule;
    const { timer } = this.#context;
    const shown = lease && new ShownMessages(() => new Hider(lease.secret));
    const relay = new Relay({ client, vendor, idleMs, totalMs, timer, shown });
    const stopWatching = verified.watch(() =>
      relay.close(POLICY, stoppedBy(verified, this.#context.clock()).detail),
    );
    const stop = () => relay.close(GOING_AWAY, "Sigil: the gateway stops.");
    if (this.#upgrade.ending.aborted) stop();
    this.#upgrade.ending.addEventListener("abort", stop);
    try {
      await this.#pay(relay, verified, first);
    } finally {
      stopWatching();
      this.#upgrade.ending.removeEventListener("abort", stop);
      relay.close(GOING_AWAY, "Sigil: a fault of the gateway.");
      const end = await relay.ended;
      this.#settled({ end, status: 101, code: undefined });
    }
  }

  /**
   * Undefined if the client was given the vendor's own answer. Nothing is charged for what is not
   * opened; what is broken off here, once the vendor was asked, may have been.
   *
   * @throws Denied if the vendor did not answer
   */
  async #opened({ verified, lease, first, left }: Beginning) {
    const { name, preset, upstream } = this.#service;
    const key = placed(lease, preset.keyPlace);
    const isOfCredential = ofCredential(this.#incoming.rawHeaders);
    const fields = forUpstream(
      this.#incoming.rawHeaders,
      (field) => isOfCredential(field) || (lease !== undefined && NEGOTIATED.has(field)),
    );
    if (lease !== undefined) fields.push("accept-encoding", "identity");
    const protocols = withoutProtocolKeys(this.#incoming.rawHeaders);
    if (protocols.length > 0) fields.push("sec-websocket-protocol", protocols.join(", "));
    for (const [field, value] of key.headers) fields.push(field, value);
    const query = withoutQueryKeys(this.#target.query, preset.credentialPlaces);
    const path = this.#target.path + withQuery(query, key.query);
    const hider = lease && new Hider(lease.secret);
    const opening = new Opening(upstream, path, fields, hider);
    const leave = () => opening.abort(left.reason);
    if (left.aborted) leave();
    left.addEventListener("abort", leave);
    const stopWatching = verified.watch(() =>
      opening.abort(new Denied(stoppedBy(verified, this.#context.clock()))),
    );
    let opened: Opened;
    try {
      opened = await opening.opened;
      if (opened.kind === "open") return opened;
    } catch (error) {
      const denial =
        error instanceof Denied ? error : new Denied(unreached(error as Error, undefined));
      const { status, code } = denial.facts;
      const end = error instanceof ClientLeft ? "gone" : error === denial ? "cut" : "failed";
      const isCharged = end !== "failed" && opening.isAsked;
      await (isCharged ? this.#charge(first) : this.#giveBack(first));
      this.#settled({ end, status, code, isEstimated: isCharged });
      throw denial;
    } finally {
      stopWatching();
      left.removeEventListener("abort", leave);
    }
    await this.#giveBack(first);
    const { answer } = opened;
    const instead = insteadOf(name, preset.dialect, this.#context.alarm)(answer);
    const { status, fields: lines, body } = instead ?? answer;
    this.#settled({ end: "answered", status, code: undefined });
    this.#outgoing.writeHead(status, lines).end(body);
    return undefined;
  }

  /** Reserves each minute before it begins, and charges those that have begun. */
  async #pay(relay: Relay, verified: Verified, first: Paid): Promise<void> {
    let paid = first;
    for (;;) {
      if (await this.#within(MINUTE_MS - AHEAD_MS, relay)) return this.#charge(paid);
      let next: Paid | undefined;
      let denial: Denied | undefined;
      try {
        next = await this.#reserve(verified, this.#match.rule.perMinute);
      } catch (error) {
        denial = denialOf(error, this.#context.clock());
      }
      const isOver = await this.#within(AHEAD_MS, relay);
      await this.#charge(paid);
      if (isOver) return next && this.#giveBack(next);
      if (next === undefined) return relay.close(POLICY, denial!.facts.detail);
      paid = next;
    }
  }

  /** Whether the connection ends within a time. */
  async #within(ms: number, { ended }: Relay): Promise<boolean> {
    let callOff!: () => void;
    const later = new Promise<false>((resolve) => {
      callOff = this.#context.timer(ms, () => resolve(false));
    });
    const isOver = await Promise.race([ended.then(() => true), later]);
    callOff();
    return isOver;
  }

  /** @throws the error, unless it is one that `--shadow` only writes down */
  #shadow(error: unknown): void {
    const code = this.#context.isShadow ? wouldDeny(error) : undefined;
    if (code === undefined) throw error;
    this.#context.entry.know({ wouldDeny: code });
    this.#isUncounted = true;
  }

  /** With `--shadow`, no minute counts from the first one on that would have been denied. */
  async #reserve(verified: Verified, amount: Amount): Promise<Paid> {
    try {
      if (!this.#isUncounted) return await this.#counted(verified, amount);
      verified.demand({ now: this.#context.clock(), target: "self" });
    } catch (error) {
      this.#shadow(error);
    }
    return { amount, granted: UNCOUNTED };
  }

  async #counted(verified: Verified, amount: Amount): Promise<Paid> {
    const { id } = this.#context.entry;
    const useId = this.#minutes === 0 ? id : `${id}-${this.#minutes}`;
    this.#minutes++;
    const { metered } = this.#service;
    const { capability, model } = this.#match;
    const { method = "", socket } = this.#incoming;
    const granted = await grantedBy(metered, {
      method,
      target: this.#target.path,
      authorization: null,
      verified,
      clientAddress: socket.remoteAddress,
      headers: () => new Headers(),
      ...{ capability, model, price: amount, useId },
    });
    return { amount, granted };
  }

  async #charge({ granted, amount }: Paid): Promise<void> {
    granted.grant.settle(amount);
    await granted.finish(101);
    this.#spent += amount.value;
  }

  async #giveBack({ granted }: Paid): Promise<void> {
    granted.grant.release();
    await granted.finish(undefined);
  }

  #settled(ended: {
    readonly end: RelayEnd | "failed";
    readonly status: number;
    readonly code: string | undefined;
    /** @default false */
    readonly isEstimated?: boolean;
  }): void {
    this.#context.entry.settled({ isEstimated: false, ...ended, spent: this.#spent });
  }
}

const headOf = (fields: readonly string[]): Buffer => {
  let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  for (let at = 0; at < fields.length; at += 2) head += `${fields[at]}: ${fields[at + 1]}\r\n`;
  return Buffer.from(`${head}\r\n`, "latin1");
};
