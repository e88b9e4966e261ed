/** The tables that both languages decide by, as a Python module. */
import { VOLATILE } from "../../packages/l8nt/src/http/fingerprint.ts";
import { DEFAULT_LIMITS } from "../../packages/l8nt/src/index.ts";
import { WHOLE_PAGE_ROWS } from "../../packages/l8nt/src/internal/pages.ts";
import { PAGE_ROWS } from "../../packages/l8nt/src/ports/owner.ts";

const LINE = 90;

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const scopeValue = (value: unknown): string =>
  Array.isArray(value)
    ? `[\n${value.map((one) => `        ${JSON.stringify(one)},\n`).join("")}    ]`
    : JSON.stringify(value);

/** A regular expression over several lines. Python's `$` also matches before a last line break. */
const pattern = ({ source }: RegExp): string =>
  (source.replace(/\$$/, "\\Z").match(new RegExp(`.{1,${LINE}}`, "g")) ?? [])
    .map((part) => `    r"${part}"\n`)
    .join("");

/** The text of `clients/python/src/l8nt/_tables.py`. */
export const pythonTables =
  (): string => `"""Tables and numbers that are the same in every language.

Generated from packages/l8nt/src by \`npm run reference\`. Do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .caveat import Scope

DEFAULT_LIMITS: Final[Scope] = {
${Object.entries(DEFAULT_LIMITS)
  .map(([name, value]) => `    "${snake(name)}": ${scopeValue(value)},\n`)
  .join("")}}
"""What a client may do that has a wallet, and no limits."""

PAGE_ROWS: Final = ${PAGE_ROWS}
"""Rows of a page of receipts, if nothing is said."""

WHOLE_PAGE_ROWS: Final = ${WHOLE_PAGE_ROWS}
"""The most rows that a page has."""

VOLATILE_FIELDS: Final = (
${pattern(VOLATILE)})
"""Header fields that differ when one request is sent twice, or comes by another way."""
`;
