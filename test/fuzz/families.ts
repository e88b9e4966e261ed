/** Texts that cost a careless parser more time than their length: each family at any length. */

export interface Family {
  readonly name: string;
  readonly text: (length: number) => string;
}

const SPECIAL = [
  ..." \t,;:=/\\\"'%.*|?#&+-_~@()<>[]{}!$^`",
  "\n",
  "\0",
  "é",
  "\uFF0E",
  "a",
  "A",
  "0",
  "1",
];
const PAIRS = [
  ", ",
  " ,",
  "a,",
  "a ",
  "a=",
  'a="',
  'a=" ',
  "a=b,",
  '\\"',
  "\\a",
  '"a',
  "%25",
  "%2525",
  "%41",
  "%2e",
  "%u",
  "/a",
  "/.",
  "/..",
  "/*",
  "/..;",
  "//",
  ".a",
  "a.",
  "*.",
  "a|",
  "GET|",
  "a;",
  "L402 ",
  "L402 a,",
  "L402 a:b, ",
  "LSAT x",
  "AgE",
  ":0",
  "=:",
  "0a",
  "[1,",
  "[[",
  '{"a":',
  '{"a":[',
  '"a":1,',
  '"",',
  "\\u0061",
  "data: x\n",
  "\r\n",
  "lnbc1",
  "agent=a.00000000",
  "http://",
  "wss+http:",
];

const repeated = (unit: string, length: number): string =>
  unit.repeat(Math.ceil(length / unit.length)).slice(0, length);

/** A run, a run that another character ends, and one between two others. */
const variants = (unit: string): readonly Family[] => [
  { name: `${JSON.stringify(unit)} repeated`, text: (length) => repeated(unit, length) },
  {
    name: `${JSON.stringify(unit)} repeated, then !`,
    text: (length) => `${repeated(unit, length)}!`,
  },
  {
    name: `${JSON.stringify(unit)} repeated between letters`,
    text: (length) => `a${repeated(unit, length)}b`,
  },
];

export const FAMILIES: readonly Family[] = [
  ...PAIRS.map((unit) => ({
    name: `${JSON.stringify(unit)} repeated`,
    text: (length: number) => repeated(unit, length),
  })),
  ...SPECIAL.flatMap(variants),
];

/** A character in the form of a path that is encoded as often as its length allows. */
export const NESTED: Family = {
  name: "% encoded again and again",
  text: (length) => `/%${"25".repeat(Math.floor((length - 4) / 2))}41`,
};

/** JSON that is deep, has many names, or has many items. */
export const JSON_FAMILIES: readonly Family[] = [
  {
    name: "lists in lists",
    text: (length) => "[".repeat(length / 2) + "]".repeat(length / 2),
  },
  {
    name: "objects in objects",
    text: (length) => `${'{"a":'.repeat(length / 6)}1${"}".repeat(length / 6)}`,
  },
  {
    name: "many names",
    text: (length) =>
      `{${Array.from({ length: length / 10 }, (_, at) => `"n${at}":${at % 10}`).join()}}`,
  },
  { name: "many items", text: (length) => `[${"1,".repeat(length / 2)}1]` },
  { name: "many objects", text: (length) => `[${'{"a":1},'.repeat(length / 8)}{}]` },
];
