/**
 * The relays between a client and a wallet service: they carry signed requests and signed replies.
 * NIP-01.
 */
import type { AbstractRelay } from "nostr-tools/abstract-relay";
import type { NostrEvent, VerifiedEvent } from "nostr-tools/pure";
import { AdapterError } from "../errors.ts";
import { lazily } from "../internal/lazily.ts";
import { later, type Timer } from "../internal/timers.ts";
import type { Sleep } from "../ports/clock.ts";

export const INFO_KIND = 13194;
export const REQUEST_KIND = 23194;
const REPLY_KIND = 23195;

/**
 * A reply, or how far the request got without one. `sent: false` proves that no relay got the
 * request, nor will get it.
 */
export type Passage =
  | { readonly got: "reply"; readonly event: NostrEvent }
  | {
      readonly got: "nothing";
      readonly sent: boolean;
      readonly reason: string;
      readonly cause: unknown;
    };

export interface RelaysOptions {
  /** `wss://…`, or `ws://` on this machine. */
  readonly urls: readonly string[];
  /** Hex; the author of replies. */
  readonly servicePubkey: string;
  /** Hex; the addressee of replies. */
  readonly clientPubkey: string;
  readonly webSocket: typeof WebSocket;
  readonly sleep: Sleep;
}

export interface CarryOptions {
  readonly seconds: number;
  /** Gives the request to at most one relay, instead of every relay that can be reached. */
  readonly once: boolean;
}

/** A connection with a standing subscription for replies. */
interface Line {
  readonly relay: AbstractRelay;
  /** Called when the connection is lost. */
  readonly onLost: Set<() => void>;
}

const CONNECT_MS = 5_000;
/**
 * Long enough for the requests of one purchase to share a connection. An open socket keeps the
 * process alive.
 */
const IDLE_MS = 1_000;

const missing = (cause: unknown): never => {
  throw new AdapterError(
    "ERR_WALLET",
    "Nostr Wallet Connect needs the package nostr-tools, which cannot be loaded: run npm install nostr-tools.",
    { cause },
  );
};

/** Loads the optional peer `nostr-tools`. A bundle without it fails here, and not at build time. */
export const nostrTools = lazily(async () => {
  const [pure, nip44, nip04, { AbstractRelay }] = await Promise.all([
    import(/* webpackIgnore: true */ "nostr-tools/pure").catch(missing),
    import(/* webpackIgnore: true */ "nostr-tools/nip44").catch(missing),
    import(/* webpackIgnore: true */ "nostr-tools/nip04").catch(missing),
    import(/* webpackIgnore: true */ "nostr-tools/abstract-relay").catch(missing),
  ]);
  return { ...pure, nip44, nip04, AbstractRelay };
});

/** The cause of an error that a later attempt may not meet. */
export const notReached = () =>
  new DOMException("the wallet service was not reached", "NetworkError");

/**
 * A WebSocket that closes once. When a connection fails, the library calls `close()` on `error`,
 * and Node 20 and 22 fire `error` again from `close()`.
 */
const closingOnce = (Base: typeof WebSocket): typeof WebSocket =>
  class extends Base {
    #isClosed = false;

    override close(code?: number, reason?: string): void {
      if (this.#isClosed) return;
      this.#isClosed = true;
      super.close(code, reason);
    }
  };

export class Relays {
  readonly #options: RelaysOptions;
  readonly #lines = new Map<string, Promise<Line>>();
  readonly #waiting = new Map<string, (event: NostrEvent) => void>();
  /** The relay that delivered the last reply, tried first: it is known to reach the service. */
  #proven: string | undefined;
  #atWork = 0;
  #idle: Timer | undefined;

  constructor(options: RelaysOptions) {
    this.#options = { ...options, webSocket: closingOnce(options.webSocket) };
  }

  /** Sends a request and waits for the reply. Never throws. */
  carry(request: VerifiedEvent, { seconds, once }: CarryOptions): Promise<Passage> {
    return this.#work(async () => {
      let sent = false;
      let isOver = false;
      const ended = new AbortController();
      const ends: (() => void)[] = [];
      const bring = async (url: string): Promise<string> => {
        const line = await this.#line(url);
        // A write to a connection that died unnoticed would count as sent, so that the relay has to
        // answer a query first.
        const isAlive = line !== undefined && (!once || (await this.#stored(line)) !== undefined);
        if (isOver || !isAlive || !line.relay.connected) return "cannot be reached at its relay";
        sent = true;
        return new Promise((end) => {
          const lost = () => end("lost the connection to its relay");
          line.onLost.add(lost);
          ends.push(() => line.onLost.delete(lost));
          onRefusal(line.relay, request, end);
        });
      };
      const passage = await new Promise<Passage>((resolve) => {
        // `isOver` is set at once: a relay that connects later must not send this request any more.
        const end = (outcome: Passage) => {
          isOver = true;
          resolve(outcome);
        };
        const giveUp = (reason: string, cause: unknown) =>
          end({ got: "nothing", sent, reason, cause });
        this.#waiting.set(request.id, (event) => end({ got: "reply", event }));
        void this.#options
          .sleep(seconds, ended.signal)
          .then(() =>
            giveUp(
              `did not answer within ${seconds} s`,
              new DOMException("no answer", "TimeoutError"),
            ),
          );
        const order = this.#order();
        const tried = once ? inTurn(order, bring, () => sent) : allOf(order.map(bring));
        void tried.then((reason) => giveUp(reason, notReached()));
      });
      ended.abort();
      this.#waiting.delete(request.id);
      for (const end of ends) end();
      return passage;
    });
  }

  /**
   * Returns the newest event in which the service announces its methods; undefined if no relay that
   * was reached has one.
   */
  async info(): Promise<{ readonly reached: boolean; readonly event: NostrEvent | undefined }> {
    return this.#work(async () => {
      let reached = false;
      const events = await Promise.all(
        this.#order().map(async (url) => {
          const line = await this.#line(url);
          if (line !== undefined) reached = true;
          return line && this.#stored(line);
        }),
      );
      const found = events.filter((event) => event !== undefined);
      return { reached, event: found.sort((one, other) => other.created_at - one.created_at)[0] };
    });
  }

  #order(): readonly string[] {
    const { urls } = this.#options;
    return [...urls].sort(
      (one, other) => Number(other === this.#proven) - Number(one === this.#proven),
    );
  }

  async #work<Value>(work: () => Promise<Value>): Promise<Value> {
    clearTimeout(this.#idle);
    this.#atWork++;
    try {
      return await work();
    } finally {
      if (--this.#atWork === 0) this.#idle = later(IDLE_MS, () => this.#hangUp());
    }
  }

  #hangUp(): void {
    const lines = [...this.#lines.values()];
    this.#lines.clear();
    for (const line of lines) line.then(({ relay }) => relay.close()).catch(() => {});
  }

  /** Returns undefined if the relay cannot be reached. */
  async #line(url: string): Promise<Line | undefined> {
    let line = this.#lines.get(url);
    if (line === undefined) {
      const opened = this.#open(url, () => {
        if (this.#lines.get(url) === opened) this.#lines.delete(url);
      });
      this.#lines.set(url, opened);
      line = opened;
    }
    const open = await line.catch(() => undefined);
    // Used after its end, the library throws errors that nothing can catch.
    return open?.relay.connected === true ? open : undefined;
  }

  async #open(url: string, forget: () => void): Promise<Line> {
    const { servicePubkey, clientPubkey, webSocket } = this.#options;
    try {
      const { AbstractRelay, verifyEvent } = await nostrTools();
      const relay = new AbstractRelay(url, { verifyEvent, websocketImplementation: webSocket });
      // By default the library prints notices, with the relay's URL.
      relay.onnotice = () => {};
      const onLost = new Set<() => void>();
      relay.onclose = () => {
        forget();
        for (const lost of onLost) lost();
      };
      await relay.connect({ timeout: CONNECT_MS });
      // One subscription for all requests, because relays allow few at a time. Replies that were
      // stored earlier do not answer a new request.
      const replies = {
        kinds: [REPLY_KIND],
        authors: [servicePubkey],
        "#p": [clientPubkey],
        limit: 1,
      };
      await new Promise<void>((resolve, reject) =>
        relay.subscribe([replies], {
          onevent: (event) => this.#take(event, url),
          oneose: resolve,
          onclose: (reason) => {
            reject(new Error(reason));
            if (relay.connected) relay.close();
          },
        }),
      );
      return { relay, onLost };
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** Returns the service's announcement that the relay has stored. */
  #stored({ relay }: Line): Promise<NostrEvent | undefined> {
    return new Promise((resolve) => {
      let newest: NostrEvent | undefined;
      const filter = { kinds: [INFO_KIND], authors: [this.#options.servicePubkey], limit: 1 };
      const subscription = relay.subscribe([filter], {
        onevent(event) {
          if (newest === undefined || event.created_at > newest.created_at) newest = event;
        },
        oneose() {
          resolve(newest);
          subscription.close();
        },
        onclose: () => resolve(newest),
      });
    });
  }

  /**
   * Takes a reply. The library has checked its signature, kind, author and addressee, because a
   * relay is not trusted.
   */
  #take(event: NostrEvent, url: string): void {
    const take = this.#waiting.get(event.tags.find(([name]) => name === "e")?.[1] ?? "");
    if (take === undefined) return;
    this.#proven = url;
    take(event);
  }
}

/** Ends at a relay's refusal. A relay that does not answer in time may still have the request. */
function onRefusal(
  relay: AbstractRelay,
  request: VerifiedEvent,
  end: (reason: string) => void,
): void {
  relay.publish(request).catch((error: unknown) => {
    if ((error as Error).message !== "publish timed out")
      end("may not have received the request: its relay refused it");
  });
}

/** Tries one relay after the other, until the request was sent to one. */
async function inTurn(
  urls: readonly string[],
  bring: (url: string) => Promise<string>,
  isSent: () => boolean,
): Promise<string> {
  let why = "";
  for (const url of urls) {
    why = await bring(url);
    if (isSent()) break;
  }
  return why;
}

const allOf = async (legs: readonly Promise<string>[]): Promise<string> =>
  (await Promise.all(legs)).at(-1)!;
