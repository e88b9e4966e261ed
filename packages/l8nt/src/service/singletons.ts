/**
 * Fields that a request has once. Of several lines Node keeps the first and drops the others, and
 * other platforms join them, so a price function may read another value than the handler.
 * spec/3-challenge.md §5.
 */
import { AdapterError } from "../errors.ts";

/** Those whose duplicates `message.headers` of Node discards, by Node's documentation. */
export const SINGLETONS: ReadonlySet<string> = new Set([
  ...["age", "authorization", "content-length", "content-type", "etag", "expires", "from"],
  ...["host", "if-modified-since", "if-unmodified-since", "last-modified", "location"],
  ...["max-forwards", "proxy-authorization", "referer", "retry-after", "server", "user-agent"],
]);

/** Where lines were joined already: those whose values have a comma in a quoted text at most. */
const WITHOUT_COMMA: ReadonlySet<string> = new Set(["content-length", "content-type", "host"]);
const IS_LIST = /^(?:[^",]|"(?:[^"\\]|\\.)*")*,/;

/**
 * Refuses to read a field that came more than once.
 *
 * @param isRepeated tells by the lines as they were sent, where a platform keeps them
 * @throws AdapterError `ERR_REQUEST`
 */
export function checkOnce(
  headers: Headers,
  name: string,
  isRepeated: ((name: string) => boolean) | undefined,
): void {
  const lower = name.toLowerCase();
  if (!SINGLETONS.has(lower)) return;
  const isList = WITHOUT_COMMA.has(lower) && IS_LIST.test(headers.get(lower) ?? "");
  if (!isList && isRepeated?.(lower) !== true) return;
  throw new AdapterError(
    "ERR_REQUEST",
    `The field ${lower} stands there more than once, so the price of the request is not known. Send it once.`,
  );
}
