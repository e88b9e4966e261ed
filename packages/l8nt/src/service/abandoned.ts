/** Uses that were under way when a paywall's process died. spec/5-ledger.md §5. */
import { AdapterError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { endAbandonedUses } from "../ledger/claim.ts";
import type { Clock } from "../ports/clock.ts";
import type { Facts } from "../ports/facts.ts";
import type { Ledger } from "../ports/ledger.ts";
import type { Store } from "../ports/store.ts";

/** Who claims the uses of services. */
export const SERVICE = "service";

/** This run of the program: what its own paywalls claimed is under way, and not abandoned. */
let run: string | undefined;
/** How many claims it has made. */
let made = 0;

/**
 * In a shared store, of a process that has never said whether it lives, the age alone decides, for
 * the living as for the dead: an answer that has not begun after this time counts as an answer.
 */
const MAX_SECONDS_TO_HEAD = 15 * 60;
/** How often a shared store is asked, at most, when limits are used up. */
const SWEEP_SECONDS = 60;
/** A process says every 10 seconds that it lives. One that has not for so long is dead. */
const SILENCE_SECONDS = 40;
/**
 * By then one that ever said that it lives is dead, also if nobody was heard meanwhile: its word is
 * removed.
 */
const LONG_DEAD_SECONDS = 86_400;
/** How often such words are looked for, at most. */
const FORGET_SECONDS = 3_600;
/** Begins the name of the fact that says when a process was last known to live. */
const ALIVE = "alive ";

/** A store in which a process can say that it lives, by the clock of the database. */
type Living = Pick<Facts, "fact" | "setFact" | "dropFacts"> & Required<Pick<Store, "now">>;

export class AbandonedUses {
  /** Stands in the id of every claim of this process. */
  readonly claimant: string;
  readonly #ledger: Ledger;
  readonly #living: Living | undefined;
  readonly #clock: Clock;
  #done: Promise<void> | undefined;
  #sweptAt: number;
  /** By the database: its own words, which have followed each other since `since`. */
  #said: { readonly since: number; readonly last: number } | undefined;

  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(ledger: Ledger & Partial<Living>, clock: Clock) {
    run ??= hexText(randomBytes(8));
    this.#ledger = ledger;
    this.#living = ledger.shared && canLive(ledger) ? ledger : undefined;
    this.#clock = clock;
    this.#sweptAt = clock();
    this.claimant = `${SERVICE}.${run}`;
  }

  /** The id of a new claim. Claims that follow each other stand next to each other in an index. */
  nextId(): string {
    return String(++made).padStart(12, "0");
  }

  /**
   * Commits them, because they may have been served. A call after one that failed tries again.
   * [case 89]
   *
   * @throws AdapterError `ERR_STORE`
   */
  end(): Promise<void> {
    this.#done ??= this.#end().catch((cause: unknown) => {
      this.#done = undefined;
      throw new AdapterError(
        "ERR_STORE",
        "The uses that were under way when this service last died could not be read, so they stay reserved. Call paywall.ready() to try again.",
        { cause },
      );
    });
    return this.#done;
  }

  /**
   * Looks again in a shared store, where another process may have died since. Called when a limit
   * is used up, perhaps by uses that nobody will end.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async sweep(): Promise<void> {
    const now = this.#clock();
    if (!this.#ledger.shared || now - this.#sweptAt < SWEEP_SECONDS) return;
    this.#sweptAt = now;
    this.#done = undefined;
    await this.end();
  }

  /**
   * Says that this process lives, and ends the uses of those that have fallen silent. Returns how
   * many it ended.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async heartbeat(): Promise<number> {
    const living = this.#living;
    if (living === undefined) return 0;
    const now = await living.now();
    await living.setFact(ALIVE + this.claimant, String(now));
    const { since, last } = this.#said ?? { since: now, last: now };
    this.#said = { since: isSilent(last, now) ? now : since, last: now };
    if (!this.#hasHeard(now)) return 0;
    const ended = await endAbandonedUses(this.#ledger, {
      ...{ of: SERVICE, before: Number.MAX_SAFE_INTEGER, at: this.#clock() },
      isGone: this.#judge((lived) => lived !== undefined && isSilent(lived, now)),
    });
    // What was ended is told all the same; the words are looked at again in an hour.
    await this.#forget(living, now).catch(() => {});
    return ended;
  }

  /**
   * Removes the words of the long dead, one for each start. Call it when all living ones were heard
   * and what the dead left has ended: without its word, a process is judged by the age of its uses.
   */
  async #forget(living: Living, now: number): Promise<void> {
    if (!isSilent(this.#forgotAt, now, FORGET_SECONDS)) return;
    this.#forgotAt = now;
    await living.dropFacts?.(`${ALIVE}${SERVICE}.`, now - LONG_DEAD_SECONDS);
  }

  async #end(): Promise<void> {
    const at = this.#clock();
    if (!this.#ledger.shared) {
      const isGone = (claimant: string): boolean => claimant !== this.claimant;
      await endAbandonedUses(this.#ledger, {
        ...{ of: SERVICE, before: Number.MAX_SAFE_INTEGER, at, isGone },
      });
      return;
    }
    const now = (await this.#living?.now()) ?? 0;
    // What was heard before is older by as much as the database may have been away.
    const silence = this.#hasHeard(now) ? SILENCE_SECONDS : LONG_DEAD_SECONDS;
    await endAbandonedUses(this.#ledger, {
      ...{ of: SERVICE, before: at - MAX_SECONDS_TO_HEAD, at },
      isGone: this.#judge((lived) => lived === undefined || isSilent(lived, now, silence)),
    });
  }

  /**
   * Whether this process has said for so long that it lives that every living one has been able to
   * say so too. Nobody could while the database was away, and a start has heard nobody.
   */
  #hasHeard(now: number): boolean {
    const said = this.#said;
    return said !== undefined && isSilent(said.since, now) && !isSilent(said.last, now);
  }

  /** Asks once for each process when it was last known to live. This one lives. */
  #judge(isGone: (lived: number | undefined) => boolean): (claimant: string) => Promise<boolean> {
    const known = new Map<string, Promise<boolean>>();
    const ask = async (claimant: string): Promise<boolean> => {
      if (claimant === this.claimant && this.#said !== undefined) return false;
      const text = await this.#living?.fact(ALIVE + claimant);
      return isGone(text === undefined ? undefined : Number(text));
    };
    return (claimant) => {
      const judged = known.get(claimant) ?? ask(claimant);
      known.set(claimant, judged);
      return judged;
    };
  }
}

const isSilent = (last: number, now: number, seconds = SILENCE_SECONDS): boolean =>
  now - last > seconds;

const canLive = <Of extends Partial<Living>>(store: Of): store is Of & Living =>
  store.now !== undefined && store.fact !== undefined && store.setFact !== undefined;
