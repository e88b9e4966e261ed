/** Asks vendors how many tokens requests have: bounded in time and in number, and never charged. */
import type { Dispatcher } from "undici";
import { type Lines, valuesOf } from "../core/fields.ts";
import type { Preset } from "../presets/preset.ts";
import type { Timer } from "../socket/relay.ts";
import { placed, withQuery } from "../vault/place.ts";
import type { Lease } from "../vault/vault.ts";
import type { AtVendor } from "./at-vendor.ts";
import { countIn } from "./estimate.ts";

/** How long a request waits for its count. */
export const COUNT_MS = 3_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const WINDOW_SECONDS = 60;
/**
 * Counts of a minute. The branches of a tree have a part each, because agents make more of them
 * below their own; and vendors allow about a hundred for all.
 */
export const MOST = { branch: 20, service: 80 } as const;

/** Who asks for a count, and of whom. */
export interface Asking {
  readonly service: {
    readonly name: string;
    readonly preset: Pick<Preset, "keyPlace">;
    readonly upstream: Dispatcher;
  };
  readonly lease: Lease | undefined;
  /** The branch of the credential's tree. */
  readonly holder: string;
  /** The head of the client's request. */
  readonly lines: Lines;
}

export class VendorCounter {
  readonly #clock: () => number;
  readonly #timer: Timer;
  readonly #asked = new Map<string, number>();
  #until = 0;

  /** @param clock Unix seconds */
  constructor(clock: () => number, timer: Timer) {
    this.#clock = clock;
    this.#timer = timer;
  }

  /** @returns undefined if it was asked too often, or the vendor gave no count in time */
  async count(question: AtVendor, asking: Asking): Promise<number | undefined> {
    if (!this.#take(asking)) return undefined;
    const late = new AbortController();
    const callOff = this.#timer(COUNT_MS, () => late.abort());
    try {
      return await answerTo(question, asking, late.signal);
    } catch {
      // The request is refused, as it would be without a count.
      return undefined;
    } finally {
      callOff();
    }
  }

  #take({ service: { name }, holder }: Asking): boolean {
    const now = this.#clock();
    if (now >= this.#until || this.#until - now > WINDOW_SECONDS) {
      this.#asked.clear();
      this.#until = now + WINDOW_SECONDS;
    }
    const branch = `${name} ${holder}`;
    const ofBranch = this.#asked.get(branch) ?? 0;
    const ofService = this.#asked.get(name) ?? 0;
    if (ofBranch >= MOST.branch || ofService >= MOST.service) return false;
    this.#asked.set(branch, ofBranch + 1);
    this.#asked.set(name, ofService + 1);
    return true;
  }
}

async function answerTo(
  { path, query, fields, body, member }: AtVendor,
  { service, lease, lines }: Asking,
  signal: AbortSignal,
): Promise<number | undefined> {
  const key = placed(lease, service.preset.keyPlace);
  const headers = ["content-type", "application/json", "accept-encoding", "identity"];
  for (const name of fields) for (const value of valuesOf(lines, name)) headers.push(name, value);
  for (const [name, value] of key.headers) headers.push(name, value);
  const answer = await service.upstream.request({
    ...{ method: "POST", path: path + withQuery(query, key.query), headers, body, signal },
  });
  const parts: Buffer[] = [];
  let size = 0;
  // To leave the loop ends the answer, and its connection.
  for await (const part of answer.body) {
    size += part.length;
    if (answer.statusCode !== 200 || size > MAX_ANSWER_BYTES) return undefined;
    parts.push(part);
  }
  if (answer.statusCode !== 200) return undefined;
  return countIn(JSON.parse(Buffer.concat(parts).toString("utf8")), member);
}
