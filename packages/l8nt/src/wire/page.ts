/** Pages of a numbered list: rows after a number, a thousand at most. */
import { PAGE_ROWS } from "../ports/owner.ts";
import { count, optional } from "./codec.ts";

const MAX_ROWS = 1000;

export const limit = optional(count(MAX_ROWS, { minimum: 1, default: PAGE_ROWS }));
export const page = {
  after: optional(count(Number.MAX_SAFE_INTEGER, { default: 0 })),
  limit,
};
