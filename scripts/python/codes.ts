/** The codes of errors as a Python module, from the closed list. */
import { ERRORS } from "../../packages/l8nt/src/error-codes.ts";
import { SHOWN, TITLES } from "../../packages/l8nt/src/wire/problem.ts";

const ALIASES = {
  TokenError: "TokenCode",
  DeniedError: "DenialCode",
  BudgetError: "BudgetCode",
  ChallengeError: "ChallengeCode",
  PaymentError: "PaymentCode",
  ReceiptError: "ReceiptCode",
  AdapterError: "AdapterCode",
} satisfies Readonly<Record<keyof typeof ERRORS, string>>;

const literal = (codes: readonly string[]): string =>
  `Literal[\n${codes.map((code) => `    "${code}",\n`).join("")}]`;

/** The text of `clients/python/src/l8nt/_codes.py`. */
export function pythonCodes(): string {
  const classes = Object.entries(ERRORS).map(([name, codes]) => ({
    name,
    alias: ALIASES[name as keyof typeof ERRORS],
    codes: Object.entries(codes),
  }));
  const aliases = classes.map(
    ({ alias, codes }) => `${alias} = ${literal(codes.map(([code]) => code))}\n`,
  );
  const rows = (value: (name: string, status: number) => string) =>
    classes
      .flatMap(({ name, codes }) => codes.map(([code, status]) => [code, value(name, status)]))
      .map(([code, text]) => `    "${code}": ${text},\n`)
      .join("");
  return `"""The closed list of codes: the class that carries each, and the HTTP status of an answer with it.

Generated from error-codes.ts and wire/problem.ts of l8nt by \`npm run reference\`. Do not edit.
"""

from typing import Final, Literal

${aliases.join("")}ErrorCode = (
    ${classes.map(({ alias }) => alias).join(" | ")}
)

CLASS_OF: Final[dict[str, str]] = {
${rows((name) => `"${name}"`)}}

STATUS_OF: Final[dict[str, int]] = {
${rows((_name, status) => String(status))}}

TITLE_OF: Final[dict[int, str]] = {
${Object.entries(TITLES)
  .map(([status, title]) => `    ${status}: "${title}",\n`)
  .join("")}}

SHOWN: Final[frozenset[str]] = frozenset(
    {
${[...SHOWN].map((code) => `        "${code}",\n`).join("")}    }
)
"""Token codes that the bearer of a bad credential is shown. Who is trusted is public."""
`;
}
