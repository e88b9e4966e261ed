/**
 * The query as a price function reads it. A key that stands there twice has as many readings as
 * there are frameworks: the first value, the last one, or a list. spec/3-challenge.md §5.
 */
import { AdapterError } from "../errors.ts";

/** Express and `node:querystring` read no more pairs than this. */
const MAX_PAIRS = 1000;

/**
 * Refuses to be read where a handler may read another value than the price function. `getAll` reads
 * a key that may stand there more than once.
 */
class PricedQuery extends URLSearchParams {
  override get(name: string): string | null {
    this.#checkKey(name);
    return super.get(name);
  }

  override has(name: string, ...value: [string?]): boolean {
    this.#checkKey(name);
    return super.has(name, ...value);
  }

  override getAll(name: string): string[] {
    const keys = this.#keys();
    if (keys.some((key) => key.startsWith(`${name}[`))) throw ambiguous(name);
    return super.getAll(name);
  }

  override keys(): ReturnType<URLSearchParams["keys"]> {
    this.#checkAll();
    return super.keys();
  }

  override values(): ReturnType<URLSearchParams["values"]> {
    this.#checkAll();
    return super.values();
  }

  override entries(): ReturnType<URLSearchParams["entries"]> {
    this.#checkAll();
    return super.entries();
  }

  override [Symbol.iterator](): ReturnType<URLSearchParams["entries"]> {
    return this.entries();
  }

  override forEach(...given: Parameters<URLSearchParams["forEach"]>): void {
    this.#checkAll();
    super.forEach(...given);
  }

  #keys(): string[] {
    const keys = [...super.keys()];
    if (keys.length > MAX_PAIRS)
      throw new AdapterError("ERR_REQUEST", `The query has more than ${MAX_PAIRS} pairs.`);
    return keys;
  }

  /** `n[]` and `n[0]` are `n` to parsers such as `qs`. */
  #checkKey(name: string): void {
    const keys = this.#keys().filter((key) => key === name || key.startsWith(`${name}[`));
    if (keys.length > 1 || keys.some((key) => key !== name)) throw ambiguous(name);
  }

  #checkAll(): void {
    const seen = new Set<string>();
    for (const key of this.#keys()) {
      if (seen.has(key)) throw ambiguous(key);
      seen.add(key);
    }
  }
}

const ambiguous = (name: string): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    `The query has ${JSON.stringify(name)} more than once, or as a list, so its price is not known. Send it once.`,
  );

/** The URL of a request, with a query that has one reading. */
export function pricedUrl(text: string): URL {
  const url = new URL(text);
  const searchParams = new PricedQuery(url.search);
  return Object.defineProperty(url, "searchParams", { value: searchParams });
}
