/**
 * The query as a price function reads it. A key that stands there twice, or in brackets, has as
 * many readings as there are parsers: the first value, the last one, a list, or an object.
 * spec/3-challenge.md §5.
 */
import { AdapterError } from "../errors.ts";

/** `qs` and `node:querystring` read no more pairs than this, and `qs` counts empty ones. */
const MAX_PAIRS = 1000;

/**
 * Refuses to be read where a handler may read another value than the price function. `getAll` reads
 * a key that may stand there more than once.
 */
class PricedQuery extends URLSearchParams {
  readonly #pairs: Pairs;

  constructor(search: string, pairs: Pairs) {
    super(search);
    this.#pairs = pairs;
  }

  override get(name: string): string | null {
    this.#pairs.checkOnce(name);
    return super.get(name);
  }

  override has(name: string, ...value: [string?]): boolean {
    this.#pairs.checkOnce(name);
    return super.has(name, ...value);
  }

  override getAll(name: string): string[] {
    this.#pairs.checkPlain(name);
    return super.getAll(name);
  }

  override keys(): ReturnType<URLSearchParams["keys"]> {
    this.#pairs.checkAll();
    return super.keys();
  }

  override values(): ReturnType<URLSearchParams["values"]> {
    this.#pairs.checkAll();
    return super.values();
  }

  override entries(): ReturnType<URLSearchParams["entries"]> {
    this.#pairs.checkAll();
    return super.entries();
  }

  override [Symbol.iterator](): ReturnType<URLSearchParams["entries"]> {
    return this.entries();
  }

  override forEach(...given: Parameters<URLSearchParams["forEach"]>): void {
    this.#pairs.checkAll();
    super.forEach(...given);
  }
}

/** One pair of the query, with everything that a parser may take for its key. */
interface Pair {
  readonly key: string;
  /** The path of names that each reading of the key leads to. */
  readonly paths: readonly (readonly string[])[];
  /** Whether all parsers decode it to one text. */
  readonly isDecodable: boolean;
}

/** The pairs of a query, read once. */
class Pairs {
  readonly #search: string;
  #byRoot: Map<string, Pair[]> | undefined;
  #count = 0;

  constructor(search: string) {
    this.#search = search;
  }

  checkOnce(name: string): void {
    this.checkPlain(name);
    const pairs = this.#of(name).filter(({ key }) => key === name);
    if (pairs.length > 1) throw ambiguous(name);
  }

  /** Refuses a key that is spelled otherwise and means `name`, something in it, or around it. */
  checkPlain(name: string): void {
    const asked = pathOf(name);
    for (const { key, paths, isDecodable } of this.#of(name)) {
      const isPlain = key === name && paths.length === 1 && isDecodable;
      if (!isPlain && paths.some((path) => isWithin(path, asked))) throw ambiguous(name);
    }
  }

  /** Refuses keys of which a handler may read another set. */
  checkAll(): void {
    const keys = new Set<string>();
    for (const [root, pairs] of this.#read())
      for (const { key, paths, isDecodable } of pairs) {
        const isPlain = paths.length === 1 && isDecodable && key.startsWith(root);
        if (!isPlain || keys.has(key) || /[[\]]/.test(key)) throw ambiguous(key);
        if (key !== root && pairs.length > 1) throw ambiguous(root);
        keys.add(key);
      }
  }

  #of(name: string): readonly Pair[] {
    const read = this.#read();
    return read.get(pathOf(name)[0]!) ?? [];
  }

  #read(): ReadonlyMap<string, readonly Pair[]> {
    if (this.#byRoot === undefined) {
      this.#byRoot = new Map();
      const texts = this.#search.replace(/^\?/, "").split("&");
      this.#count = texts.length;
      if (this.#count <= MAX_PAIRS)
        for (const text of texts) if (text !== "") this.#add(this.#byRoot, text);
    }
    if (this.#count > MAX_PAIRS)
      throw new AdapterError("ERR_REQUEST", `The query has more than ${MAX_PAIRS} pairs.`);
    return this.#byRoot;
  }

  #add(byRoot: Map<string, Pair[]>, text: string): void {
    const pair = readPair(text);
    for (const root of new Set(pair.paths.map(([first]) => first!))) {
      const pairs = byRoot.get(root);
      if (pairs === undefined) byRoot.set(root, [pair]);
      else pairs.push(pair);
    }
  }
}

function readPair(text: string): Pair {
  const [first = ""] = text.split("=", 1);
  const key = decoded(first);
  // `qs` ends the key behind the first bracket that closes before a `=`, encoded or not.
  const bracket = /^(.*?(?:\]|%5d))=/i.exec(text)?.[1] ?? first;
  const keys = new Set([key, decoded(bracket)]);
  return { key, paths: [...keys].map(pathOf), isDecodable: isDecodable(text) };
}

/** As URLSearchParams decodes it. */
const decoded = (text: string): string =>
  [...new URLSearchParams(`&${text.replaceAll("=", "%3D")}=`).keys()][0] ?? "";

/** Each parser makes something else of what is no UTF-8, or no triplet. */
function isDecodable(text: string): boolean {
  if (!text.includes("%")) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The names that a key leads to in a parser that makes objects of keys: `a[b]`, `[a][b]` and `a.b`
 * are `a`, `b`. Some drop blanks at the start, and what follows a NUL.
 */
function pathOf(key: string): readonly string[] {
  const [text = ""] = key.replace(/^ +/, "").split("\0", 1);
  const names = text.split(/[[\].]+/);
  return names[0] === "" && names.length > 1 ? names.slice(1) : names;
}

/** Whether one of the two paths begins with the other. */
function isWithin(one: readonly string[], other: readonly string[]): boolean {
  const [short, long] = [one, other].map((path) => (path.at(-1) === "" ? path.slice(0, -1) : path));
  const length = Math.min(short!.length, long!.length);
  return short!.slice(0, length).every((name, at) => name === long![at]);
}

const ambiguous = (name: string): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    `The query has ${JSON.stringify(name)} more than once, in brackets, or in an encoding with several readings, so its price is not known. Send it once, as it is.`,
  );

/** Makes the URL of a request, with a query that has one reading, anew: a URL can be changed. */
export function pricedUrls(text: string): () => URL {
  const { search } = new URL(text);
  const pairs = new Pairs(search);
  return () => {
    const value = new PricedQuery(search, pairs);
    return Object.defineProperty(new URL(text), "searchParams", { value });
  };
}
