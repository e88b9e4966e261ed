/** The keys of trusted issuers, as the issuers publish them. spec/9-public-key.md §6. */
import { TokenError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { utf8Text } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { type IssuerKey, KEYS_PATH, MAX_AGE, MAX_PAGE_BYTES, readKeyPage } from "./key-page.ts";
import { readIssuer } from "./minter.ts";
import type { IssuerKeys } from "./verifier.ts";

const FETCH_SECONDS = 10;
/** How long a page is kept that does not say it. */
const DEFAULT_AGE = 300;
const MIN_AGE = 60;
/** How long the last good page holds after it has ended. */
const GRACE = 86_400;
/** A key that is not on the page, and a page that cannot be had, are asked for at most so often. */
const ASK_EVERY = 30;

export interface IssuerDirectoryOptions {
  /** The origins that are trusted, such as `https://treasury.example`; `http` on loopback alone. */
  readonly issuers: readonly string[];
  readonly fetch?: typeof fetch;
  /** The directory that this one takes the place of: what it knows of the same issuers stays. */
  readonly before?: IssuerDirectory | undefined;
  /** @default the system's clock */
  readonly clock?: Clock;
  /** Told of a page that could not be had. @default nobody */
  readonly alarm?: (message: string, cause: unknown) => void;
}

const OPTIONS = {
  issuers: true,
  fetch: true,
  before: true,
  clock: true,
  alarm: true,
} satisfies Keys<IssuerDirectoryOptions>;

interface Page {
  readonly keys: ReadonlyMap<number, IssuerKey>;
  /** Unix seconds. */
  readonly freshUntil: number;
}

/** What is known of one issuer. */
interface Known {
  page?: Page;
  /** Unix seconds of the last request. */
  askedAt: number;
  asking?: Promise<void> | undefined;
}

export class IssuerDirectory implements IssuerKeys {
  readonly #known: ReadonlyMap<string, Known>;
  readonly #fetch: typeof fetch;
  readonly #clock: Clock;
  readonly #alarm: (message: string, cause: unknown) => void;

  /** @throws TypeError for an issuer that is no https origin */
  constructor(options: IssuerDirectoryOptions) {
    checkKeys(options, OPTIONS, "an issuer directory");
    const { issuers, before, clock = systemClock, alarm = () => {} } = options;
    const known = before === undefined ? undefined : before.#known;
    this.#known = new Map(
      issuers.map(readTrusted).map((issuer) => [issuer, known?.get(issuer) ?? unasked()]),
    );
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#clock = clock;
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
    const { page } = known;
    if (page === undefined || now >= page.freshUntil + GRACE)
      throw unknownKey("The keys of the credential's issuer cannot be had at the moment.");
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
    const { page } = known;
    const isHeld = page !== undefined && now < page.freshUntil + GRACE;
    if (isHeld && page.keys.has(keyId)) {
      // Nobody waits for a page whose last good one holds.
      if (now >= page.freshUntil && this.#mayAsk(known, now)) void this.#ask(issuer, known);
      return undefined;
    }
    if (known.asking !== undefined) return known.asking;
    return this.#mayAsk(known, now) ? this.#ask(issuer, known) : undefined;
  }

  /** A clock that went back does not stop the asking. */
  #mayAsk({ askedAt, asking }: Known, now: number): boolean {
    return asking === undefined && (now < askedAt || now >= askedAt + ASK_EVERY);
  }

  #ask(issuer: string, known: Known): Promise<void> {
    known.askedAt = this.#clock();
    const asking = this.#page(issuer)
      .then((page) => {
        known.page = page;
      })
      .catch((error: unknown) => {
        this.#alarm(`l8nt: the keys of ${issuer} could not be had`, error);
      })
      .finally(() => {
        known.asking = undefined;
      });
    known.asking = asking;
    return asking;
  }

  async #page(issuer: string): Promise<Page> {
    const response = await this.#fetch(issuer + KEYS_PATH, {
      headers: { accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(FETCH_SECONDS * 1000),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new TypeError(`it answered ${response.status || "a redirect"}`);
    }
    const text = utf8Text(await readBody(response, MAX_PAGE_BYTES, { seconds: FETCH_SECONDS }));
    if (text === undefined) throw new TypeError("the page is not UTF-8");
    const keys = readKeyPage(issuer, text);
    return { keys, freshUntil: this.#clock() + ageOf(response.headers.get("cache-control")) };
  }
}

const unasked = (): Known => ({ askedAt: Number.NEGATIVE_INFINITY });

const unknownKey = (message: string): TokenError => new TokenError("ERR_TOKEN_KEY", message);

/** Seconds. */
function ageOf(field: string | null): number {
  const [, seconds] = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(field ?? "") ?? [];
  if (/(?:^|[\s,])no-(?:store|cache)(?:[\s,]|$)/i.test(field ?? "")) return MIN_AGE;
  return seconds === undefined
    ? DEFAULT_AGE
    : Math.min(MAX_AGE, Math.max(MIN_AGE, Number(seconds)));
}

const LOOPBACK = /^http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** @throws TypeError */
function readTrusted(issuer: string): string {
  const origin = readIssuer(issuer);
  if (origin.startsWith("http:") && !LOOPBACK.test(origin))
    throw new TypeError(
      `the issuer ${origin} must be an https origin: its keys are what is trusted`,
    );
  return origin;
}
