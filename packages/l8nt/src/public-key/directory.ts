/** The keys of trusted issuers, as the issuers publish them. spec/9-public-key.md §6. */
import { AdapterError, TokenError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { writeIssuers } from "../l402/issuers.ts";
import { begunAt, type Clock, type Sleep, systemClock, systemSleep } from "../ports/clock.ts";
import { issuerFetch } from "./issuer-fetch.ts";
import { readIssuer } from "./minter.ts";
import { FETCH_SECONDS, type FetchedPage, fetchPage } from "./page-fetch.ts";
import type { IssuerKeys } from "./verifier.ts";

/** How long the last good page holds after it has ended. */
const GRACE = 86_400;
/** A key that is not on the page, and a page that cannot be had, are asked for at most so often. */
const ASK_EVERY = 30;
/** A page that ended longer ago than this is waited for. */
const STALE_SECONDS = 60;

export interface IssuerDirectoryOptions {
  /** The origins that are trusted, such as `https://treasury.example`; `http` on loopback alone. */
  readonly issuers: readonly string[];
  /**
   * @default reaches public addresses only, where the runtime has sockets that can be judged; in
   * Workers and browsers the platform's own
   */
  readonly fetch?: typeof fetch;
  /**
   * Whether names of issuers may lead to private networks.
   *
   * @default false
   */
  readonly allowPrivateIssuers?: boolean | undefined;
  /** The directory that this one takes the place of: what it knows of the same issuers stays. */
  readonly before?: IssuerDirectory | undefined;
  /** @default the system's clock */
  readonly clock?: Clock;
  /** Ends what takes too long. @default the system's timers */
  readonly sleep?: Sleep;
  /** Told of a page that could not be had. @default nobody */
  readonly alarm?: (message: string, cause: unknown) => void;
}

const OPTIONS = {
  issuers: true,
  fetch: true,
  allowPrivateIssuers: true,
  before: true,
  clock: true,
  sleep: true,
  alarm: true,
} satisfies Keys<IssuerDirectoryOptions>;

interface Page extends FetchedPage {
  /** Unix seconds. */
  readAt: number;
}

/** What is known of one issuer. */
interface Known {
  page?: Page;
  /** Unix seconds of the last request. */
  askedAt: number;
  asking?: Promise<void> | undefined;
  /** Whether the last request that came to an end brought no page. */
  isFailing?: boolean;
}

/**
 * The issuers that are trusted, and what they publish. Nothing is fetched before a credential of
 * theirs comes in.
 *
 * @example
 * const trust = new IssuerDirectory({ issuers: ["https://treasury.example"] });
 * const paywall = new Paywall({ trust, location: "https://api.example/v1" });
 */
export class IssuerDirectory implements IssuerKeys {
  readonly #known: ReadonlyMap<string, Known>;
  readonly #fetch: typeof fetch;
  readonly #clock: Clock;
  readonly #sleep: Sleep;
  readonly #alarm: (message: string, cause: unknown) => void;

  /** @throws TypeError for an issuer that is no https origin, and for a list that is too long */
  constructor(options: IssuerDirectoryOptions) {
    checkKeys(options, OPTIONS, "an issuer directory");
    const { issuers, before, clock = systemClock, sleep = systemSleep, alarm = () => {} } = options;
    const { fetch, allowPrivateIssuers = false } = options;
    if (fetch !== undefined && allowPrivateIssuers)
      throw new TypeError(
        "allowPrivateIssuers has no effect beside a fetch of your own: leave one of them out",
      );
    if (!Array.isArray(issuers))
      throw new TypeError('trusted issuers are a list of origins: ["https://treasury.example"]');
    const known = before === undefined ? undefined : before.#known;
    this.#known = new Map(
      issuers.map(readTrusted).map((issuer) => [issuer, known?.get(issuer) ?? unasked()]),
    );
    // A service names them in its challenges.
    writeIssuers(this.issuers);
    this.#fetch = fetch ?? issuerFetch(allowPrivateIssuers);
    this.#clock = clock;
    this.#sleep = sleep;
    this.#alarm = alarm;
  }

  /** The origins that are trusted. */
  get issuers(): readonly string[] {
    return [...this.#known.keys()];
  }

  find(issuer: string, keyId: number): Uint8Array {
    const known = this.#known.get(issuer);
    if (known === undefined)
      throw new TokenError(
        "ERR_TOKEN_ISSUER",
        "The issuer of the credential is not one that is trusted here.",
      );
    const now = this.#clock();
    const page = held(known, now);
    if (page === undefined) throw noKeys(Math.ceil(known.askedAt + ASK_EVERY - now));
    const key = page.keys.get(keyId);
    if (key === undefined)
      throw unknownKey("The credential's issuer does not publish the key that it was minted with.");
    if (key.expiresAt !== undefined && now >= key.expiresAt)
      throw unknownKey("The key that the credential was minted with has ended.");
    return key.publicKey;
  }

  load(issuer: string, keyId: number): Promise<void> | undefined {
    const known = this.#known.get(issuer);
    if (known === undefined) return undefined;
    const now = this.#clock();
    const page = held(known, now);
    if (page?.keys.has(keyId)) {
      const ended = page.readAt + page.freshSeconds;
      if (now < ended) return undefined;
      // A busy service reads it anew behind its requests. An idle one may have a key that is long
      // gone, and waits, unless the issuer is down; so does one of Workers whose last request never
      // came to an end.
      const isLost = known.asking !== undefined && mayAsk(known, now);
      const isWaiting = isLost || (now >= ended + STALE_SECONDS && known.isFailing !== true);
      const asking = mayAsk(known, now) ? this.#ask(issuer, known) : known.asking;
      return isWaiting && asking !== undefined ? this.#waitFor(asking, issuer, known) : undefined;
    }
    if (mayAsk(known, now)) return this.#ask(issuer, known);
    return known.asking === undefined ? undefined : this.#waitFor(known.asking, issuer, known);
  }

  #ask(issuer: string, known: Known): Promise<void> {
    known.askedAt = this.#clock();
    const asking = fetchPage(issuer, this.#fetch, this.#sleep)
      .then((page) => {
        known.page = { ...page, readAt: this.#clock() };
        known.isFailing = false;
      })
      .catch((error: unknown) => {
        known.isFailing = true;
        this.#alarm(`l8nt: the keys of ${issuer} could not be had`, error);
      })
      // Nobody waits for a page in the background: an alarm that throws would end the process.
      .catch(() => {})
      .finally(() => {
        if (known.asking === asking) known.asking = undefined;
      });
    known.asking = asking;
    return asking;
  }

  /**
   * Waits for what another request has asked. In Workers that ends without a word if the other
   * request ends first, so somebody who waits asks again then.
   */
  async #waitFor(asking: Promise<void>, issuer: string, known: Known): Promise<void> {
    const done = new AbortController();
    await Promise.race([asking, this.#sleep(FETCH_SECONDS, done.signal)]);
    done.abort();
    if (known.asking === asking) await this.#ask(issuer, known);
  }
}

const unasked = (): Known => ({ askedAt: Number.NEGATIVE_INFINITY });

/** What is wrong is told to the operator alone: it may be about the operator's own network. */
const noKeys = (seconds: number): AdapterError =>
  new AdapterError(
    "ERR_KEYS_UNREACHABLE",
    "The keys of the credential's issuer cannot be had at the moment. Try again later.",
    { retryAfterSeconds: Math.min(ASK_EVERY, Math.max(1, seconds)) },
  );

const unknownKey = (message: string): TokenError => new TokenError("ERR_TOKEN_KEY", message);

/** A clock that went back does not stop the asking, and neither does a request without an end. */
const mayAsk = ({ askedAt }: Known, now: number): boolean =>
  now < askedAt || now >= askedAt + ASK_EVERY;

/** The last good page, for as long as it holds. */
function held({ page }: Known, now: number): Page | undefined {
  if (page === undefined) return undefined;
  page.readAt = begunAt(page.readAt, now);
  return now < page.readAt + page.freshSeconds + GRACE ? page : undefined;
}

const LOOPBACK = /^http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** @throws TypeError */
function readTrusted(issuer: string): string {
  const origin = readIssuer(issuer);
  if (origin.startsWith("http:") && !LOOPBACK.test(origin))
    throw new TypeError(
      `the issuer ${origin} must be an https origin: its keys are what is trusted. Plain http is for localhost, 127.0.0.0/8 and [::1] alone`,
    );
  return origin;
}
