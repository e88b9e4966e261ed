/** Seeded damage to texts and bytes. The same seed gives the same run. */

export type Random = (below: number) => number;

/** sfc32: small, fast, and the same everywhere. */
export function randomFrom(seed: number, name: string): Random {
  let a = seed >>> 0;
  let b = 0x9e3779b9;
  let c =
    [...name].reduce(
      (hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193),
      0x811c9dc5,
    ) >>> 0;
  let counter = 1;
  const next = (): number => {
    const result = (((a + b) >>> 0) + counter++) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + result) >>> 0;
    return result;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) next();
  return (below) => Math.floor((next() / 2 ** 32) * below);
}

export const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[random(items.length)]!;

type Damage = (
  text: string,
  random: Random,
  words: readonly string[],
  others: readonly string[],
) => string;

const replace = (text: string, at: number, length: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + length);

const DAMAGES: readonly Damage[] = [
  // One bit of one character.
  (text, random) => {
    const at = random(text.length + 1);
    return replace(text, at, 1, String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << random(8))));
  },
  (text, random) => text.slice(0, random(text.length + 1)),
  (text, random) => text.slice(random(text.length + 1)),
  (text, random) => replace(text, random(text.length + 1), 1 + random(8), ""),
  (text, random, words) => replace(text, random(text.length + 1), 0, pick(random, words)),
  (text, random, words) => {
    const word = pick(random, words);
    return replace(text, random(text.length + 1), word.length, word);
  },
  // A run of it twice.
  (text, random) => {
    const at = random(text.length + 1);
    const run = text.slice(at, at + 1 + random(64));
    return replace(text, at, 0, run.repeat(1 + random(4)));
  },
  // The head of one and the tail of another.
  (text, random, _words, others) => {
    const other = pick(random, others);
    return text.slice(0, random(text.length + 1)) + other.slice(random(other.length + 1));
  },
  // Two runs exchanged.
  (text, random) => {
    const [a, b, c] = [
      random(text.length + 1),
      random(text.length + 1),
      random(text.length + 1),
    ].sort((x, y) => x - y);
    return text.slice(0, a) + text.slice(b, c) + text.slice(a, b) + text.slice(c);
  },
  (text, random) =>
    replace(
      text,
      random(text.length + 1),
      random(2),
      String.fromCharCode(random(random(4) === 0 ? 0x10000 : 0x100)),
    ),
  (text, random, words) =>
    text + pick(random, words).repeat(1 + random(random(16) === 0 ? 4000 : 4)),
];

/** One to four damages, one upon the other. */
export function damage(
  text: string,
  random: Random,
  words: readonly string[],
  others: readonly string[],
): string {
  let damaged = text;
  for (let left = 1 + random(4); left > 0; left--)
    damaged = pick(random, DAMAGES)(damaged, random, words, others);
  return damaged;
}

/** The same on bytes: each is a character while it is damaged. */
export function damageBytes(
  bytes: Uint8Array,
  random: Random,
  words: readonly string[],
  others: readonly Uint8Array[],
): Buffer {
  const texts = others.map((other) => Buffer.from(other).toString("latin1"));
  return Buffer.from(damage(Buffer.from(bytes).toString("latin1"), random, words, texts), "latin1");
}
