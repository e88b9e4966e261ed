/**
 * Carries the bytes of a WebSocket between a client and a vendor, each side no faster than the
 * other one reads. What a client sends passes as it is.
 */
import type { Duplex } from "node:stream";
import { closeFrame, Frames } from "./frames.ts";
import type { ShownMessages } from "./shown.ts";

/** Calls once, after a time; returns what calls it off. */
export type Timer = (ms: number, call: () => void) => () => void;

export const systemTimer: Timer = (ms, call) => {
  const timeout = setTimeout(call, ms);
  return () => clearTimeout(timeout);
};

export interface RelayOptions {
  readonly client: Duplex;
  readonly vendor: Duplex;
  /** How long neither side may say anything, in milliseconds. It may take twice as long. */
  readonly idleMs: number;
  readonly totalMs: number;
  readonly timer: Timer;
  /** Hides the key that the vendor was given; undefined if it was given none. */
  readonly shown?: ShownMessages | undefined;
}

/** `cut`: by `close`, or by a limit. `gone`: the client left first. `answered`: the vendor did. */
export type RelayEnd = "answered" | "gone" | "cut";

/** RFC 6455 §7.4.1. */
export const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
export const POLICY = 1008;

/** How long a side may take to close after the other one, and a frame to come to its end. */
const CLOSE_MS = 5_000;

export class Relay {
  readonly #options: RelayOptions;
  readonly #frames = new Frames();
  #end: RelayEnd | undefined;
  #isActive = true;
  /** What the client is told, once the frame that is on its way is complete. */
  #farewell: Buffer | undefined;
  readonly #timers = new Set<() => void>();
  #resolve!: (end: RelayEnd) => void;
  /** Resolves once both connections are closed. */
  readonly ended: Promise<RelayEnd> = new Promise((resolve) => {
    this.#resolve = resolve;
  });

  constructor(options: RelayOptions) {
    this.#options = options;
    const { client, vendor, totalMs } = options;
    vendor.on("data", (bytes: Buffer) => this.#fromVendor(bytes));
    client.on("drain", () => vendor.resume());
    vendor.on("end", () => this.#ending("answered", client));
    client.on("data", (bytes: Buffer) => this.#fromClient(bytes));
    vendor.on("drain", () => client.resume());
    client.on("end", () => this.#ending("gone", vendor));
    for (const [socket, end] of [
      [vendor, "answered"],
      [client, "gone"],
    ] as const) {
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.#closed(end));
    }
    // Either may have left meanwhile, and says so no more.
    if (client.destroyed || vendor.destroyed) this.#closed(client.destroyed ? "gone" : "answered");
    this.#after(totalMs, () =>
      this.close(GOING_AWAY, "Sigil: the connection was open for long enough."),
    );
    this.#watchIdle();
  }

  /**
   * Ends both connections. The client gets a close frame behind the frame that is on its way; the
   * vendor sees its connection close.
   */
  close(code: number, reason: string): void {
    if (this.#end !== undefined) return;
    this.#end = "cut";
    this.#farewell = closeFrame(code, reason);
    this.#after(CLOSE_MS, () => this.#destroy());
    const { client, vendor } = this.#options;
    // What the client still sends is read and dropped: unread, it would reset the connection before
    // the close frame is read.
    client.resume();
    if (this.#frames.isBetween) this.#sendFarewell();
    else vendor.resume();
  }

  #fromVendor(received: Buffer): void {
    const { client, vendor, shown } = this.#options;
    this.#isActive = true;
    const bytes = shown?.take(received) ?? received;
    if (shown?.isReadable === false)
      this.close(PROTOCOL_ERROR, "Sigil: the vendor sent a frame that nobody asked for.");
    if (this.#farewell !== undefined) {
      client.write(bytes.subarray(0, this.#frames.take(bytes, "end of frame")));
      if (this.#frames.isBetween) this.#sendFarewell();
      return;
    }
    this.#frames.take(bytes);
    if (!client.write(bytes)) vendor.pause();
  }

  #fromClient(bytes: Buffer): void {
    const { client, vendor } = this.#options;
    this.#isActive = true;
    if (this.#end === "cut" || !vendor.writable) return;
    if (!vendor.write(bytes)) client.pause();
  }

  #sendFarewell(): void {
    const { client, vendor } = this.#options;
    vendor.destroy();
    client.end(this.#frames.isClosed ? undefined : this.#farewell);
  }

  /** One side sends nothing more: neither does the other one, after what is on its way. */
  #ending(end: RelayEnd, other: Duplex): void {
    if (this.#end === undefined) {
      this.#end = end;
      this.#after(CLOSE_MS, () => this.#destroy());
    }
    other.end();
  }

  #closed(end: RelayEnd): void {
    const { client, vendor } = this.#options;
    this.#end ??= end;
    if (client.destroyed && vendor.destroyed) {
      for (const callOff of this.#timers) callOff();
      this.#resolve(this.#end);
    } else {
      this.#after(CLOSE_MS, () => this.#destroy());
      (client.destroyed ? vendor : client).end();
    }
  }

  #destroy(): void {
    this.#options.client.destroy();
    this.#options.vendor.destroy();
  }

  #watchIdle(): void {
    this.#after(this.#options.idleMs, () => {
      if (!this.#isActive) this.close(GOING_AWAY, "Sigil: nothing was said for long enough.");
      this.#isActive = false;
      this.#watchIdle();
    });
  }

  #after(ms: number, call: () => void): void {
    const callOff = this.#options.timer(ms, () => {
      this.#timers.delete(callOff);
      call();
    });
    this.#timers.add(callOff);
  }
}
