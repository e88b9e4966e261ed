/**
 * The wallet service that a Nostr Wallet Connect URL names: encrypts and signs requests to it, and
 * reads its replies. NIP-47.
 */
import type { NostrEvent, VerifiedEvent } from "nostr-tools/pure";
import { AdapterError } from "../errors.ts";
import { checkTransport } from "../http/transport.ts";
import { hexBytes } from "../internal/bytes.ts";
import { lazily } from "../internal/lazily.ts";
import type { Clock, Sleep } from "../ports/clock.ts";
import { recordOf } from "./backend.ts";
import { nostrTools, notReached, REQUEST_KIND, Relays } from "./nwc-relays.ts";
import { readSecret, tidied } from "./wallet-url.ts";

export const NAME = "the wallet service";
const FORM =
  "nostr+walletconnect://PUBKEY?relay=wss://RELAY&secret=SECRET, as the wallet shows it for a new connection";

export interface NwcUrl {
  /** Hex. */
  readonly servicePubkey: string;
  readonly relays: readonly string[];
  readonly secret: Uint8Array;
}

/** What the service announces to everyone who knows its public key. */
export interface Announced {
  readonly methods: readonly string[];
  readonly encryption: "nip44_v2" | "nip04";
}

/** `clock` is the service's own, Unix seconds. */
export type Answer =
  | { readonly got: "result"; readonly result: Record<string, unknown>; readonly clock: number }
  | { readonly got: "error"; readonly code: string }
  | {
      readonly got: "nothing";
      readonly sent: boolean;
      readonly reason: string;
      readonly cause?: unknown;
    };

export interface AskOptions {
  /** @default 10 */
  readonly seconds?: number;
  /**
   * Sends the request to one relay only, because it must not be carried out twice. @default false
   */
  readonly once?: boolean;
}

const DEFAULT_SECONDS = 10;
/** Added to a request's expiry, for a service whose clock is ahead. */
const CLOCK_SKEW_SECONDS = 60;

const fault = (message: string, cause?: unknown) =>
  new AdapterError("ERR_WALLET", message, { cause });

/**
 * Reads the URL of a connection. `secret` may be `env:NAME` or a file. Unknown parameters are
 * ignored, because a wallet wrote the URL.
 *
 * @throws AdapterError `ERR_WALLET`
 */
export function readNwcUrl(url: string): NwcUrl {
  const parts = /^nostr\+?walletconnect:(?:\/\/)?([0-9a-f]{64})\/?\?(.*)$/is.exec(tidied(url));
  if (parts === null)
    throw fault(`This is not a URL of Nostr Wallet Connect, which has the form ${FORM}.`);
  const params = new URLSearchParams(parts[2]);
  const relays = [...new Set(params.getAll("relay"))];
  if (relays.length === 0)
    throw fault(`The URL of Nostr Wallet Connect lacks relay=…. Its form is ${FORM}.`);
  for (const relay of relays) checkRelay(relay);
  const [written, ...more] = params.getAll("secret");
  if (!written || more.length > 0)
    throw fault(`The URL of Nostr Wallet Connect lacks secret=…, or has two. Its form is ${FORM}.`);
  const text = readSecret(written, "secret", "Nostr Wallet Connect");
  const secret = /^[0-9a-f]{64}$/i.test(text) ? hexBytes(text) : undefined;
  if (secret === undefined)
    throw fault(
      "secret= in the URL of Nostr Wallet Connect is not a key of 64 hexadecimal digits.",
    );
  return { servicePubkey: parts[1]!.toLowerCase(), relays, secret };
}

function checkRelay(relay: string): void {
  const isSocket = /^wss?:\/\//i.test(relay) && URL.canParse(relay);
  if (!isSocket)
    throw fault("relay= in the URL of Nostr Wallet Connect does not have the form wss://HOST.");
  try {
    checkTransport(new URL(relay.replace(/^ws/i, "http")));
  } catch {
    throw fault(
      "relay= in the URL of Nostr Wallet Connect is plain ws:// to another machine, where anybody on the network sees when you pay: use a relay with wss://.",
    );
  }
}

export interface NwcServiceOptions {
  readonly webSocket: typeof WebSocket;
  readonly clock: Clock;
  readonly sleep: Sleep;
}

export class NwcService {
  readonly #url: NwcUrl;
  readonly #link: () => Promise<{ readonly relays: Relays; readonly conversationKey: Uint8Array }>;
  readonly #clock: Clock;
  #announced: Promise<Announced> | undefined;

  constructor(url: NwcUrl, { webSocket, clock, sleep }: NwcServiceOptions) {
    this.#url = url;
    this.#clock = clock;
    this.#link = lazily(async () => {
      const { servicePubkey, relays: urls, secret } = url;
      const { getPublicKey, nip44 } = await nostrTools();
      try {
        const clientPubkey = getPublicKey(secret);
        const conversationKey = nip44.getConversationKey(secret, servicePubkey);
        return {
          relays: new Relays({ urls, servicePubkey, clientPubkey, webSocket, sleep }),
          conversationKey,
        };
      } catch {
        throw fault(
          "The URL of Nostr Wallet Connect has a public key or a secret that is not valid for secp256k1.",
        );
      }
    });
  }

  get pubkey(): string {
    return this.#url.servicePubkey;
  }

  /** @throws AdapterError `ERR_WALLET` if no relay can be reached, or none knows the service */
  announced(): Promise<Announced> {
    this.#announced ??= this.#readAnnounced().catch((error: unknown) => {
      this.#announced = undefined;
      throw error;
    });
    return this.#announced;
  }

  /** Sends a request. Never throws. The time-out is local, because NIP-47 does not have one. */
  async ask(
    method: string,
    params: object,
    { seconds = DEFAULT_SECONDS, once = false }: AskOptions = {},
  ): Promise<Answer> {
    let relays: Relays;
    let request: VerifiedEvent;
    try {
      request = await this.#request(method, params, seconds);
      ({ relays } = await this.#link());
    } catch (error) {
      const reason =
        error instanceof AdapterError ? sentence(error.message) : "the request could not be made";
      return { got: "nothing", sent: false, reason, cause: error };
    }
    const passage = await relays.carry(request, { seconds, once });
    if (passage.got === "nothing") return { ...passage, reason: `${NAME} ${passage.reason}` };
    return this.#read(passage.event, method);
  }

  async #request(method: string, params: object, seconds: number): Promise<VerifiedEvent> {
    const { finalizeEvent, nip04, nip44 } = await nostrTools();
    const { encryption } = await this.announced();
    const { conversationKey } = await this.#link();
    const { secret } = this.#url;
    const now = Math.floor(this.#clock());
    const text = JSON.stringify({ method, params });
    const isOld = encryption === "nip04";
    const tags = [
      ["p", this.pubkey],
      // A relay or a service that was offline must not act on it hours later. Some do anyway.
      ["expiration", String(now + Math.ceil(seconds) + CLOCK_SKEW_SECONDS)],
      // A request without this tag is NIP-04.
      ...(isOld ? [] : [["encryption", encryption]]),
    ];
    const content = isOld
      ? nip04.encrypt(secret, this.pubkey, text)
      : nip44.encrypt(text, conversationKey);
    return finalizeEvent({ kind: REQUEST_KIND, created_at: now, tags, content }, secret);
  }

  async #readAnnounced(): Promise<Announced> {
    const { relays } = await this.#link();
    const { reached, event } = await relays.info();
    if (!reached)
      throw fault(
        "The wallet cannot be used: no relay in its URL can be reached. Check that this machine is online.",
        notReached(),
      );
    if (event === undefined)
      throw fault(
        "The wallet cannot be used: its relays know no wallet service with the public key in its URL. Start the wallet, and check that this connection still exists there.",
      );
    // Services without the tag are older than it, and speak only NIP-04.
    const offered = event.tags.find(([name]) => name === "encryption")?.[1]?.split(/\s+/) ?? [
      "nip04",
    ];
    const encryption = (["nip44_v2", "nip04"] as const).find((known) => offered.includes(known));
    if (encryption === undefined)
      throw fault(
        "The wallet cannot be used: its service speaks neither NIP-44 (nip44_v2) nor NIP-04. Update the wallet, or Sigil.",
      );
    return { methods: event.content.split(/\s+/).filter(Boolean), encryption };
  }

  async #read(event: NostrEvent, method: string): Promise<Answer> {
    try {
      const { nip04, nip44 } = await nostrTools();
      // A service that cannot read a request replies in the encryption that it prefers. Only NIP-04
      // has this mark.
      const text = event.content.includes("?iv=")
        ? nip04.decrypt(this.#url.secret, this.pubkey, event.content)
        : nip44.decrypt(event.content, (await this.#link()).conversationKey);
      const { error, result, result_type } = recordOf(JSON.parse(text));
      if (error !== undefined && error !== null) {
        const { code } = recordOf(error);
        // The service may have changed its encryption since it announced it.
        if (code === "UNSUPPORTED_ENCRYPTION") this.#announced = undefined;
        return {
          got: "error",
          code: typeof code === "string" && /^[A-Z_]{1,40}$/.test(code) ? code : "OTHER",
        };
      }
      if (result_type === method && typeof result === "object" && result !== null)
        return { got: "result", result: recordOf(result), clock: event.created_at };
    } catch {
      // The error below says so: those of the parser and the cipher quote what they read.
    }
    return { got: "nothing", sent: true, reason: `${NAME} gave an answer that cannot be read` };
  }
}

/** Turns a message into a clause of another one. */
const sentence = (message: string): string =>
  message.replace(/^The wallet cannot be used: /, "").replace(/\.$/, "");
