/**
 * Removes credentials from a text that came from elsewhere, such as the answer of a service that
 * repeats its request, before a model or a log sees it.
 */

// Matches the end of a credential: a pattern for the whole would take quadratic time on long runs
// of letters.
const PREIMAGE = /(?:=|%3d|\\u003d){0,2}(?::|%3a)[0-9a-f]{64}(?![0-9a-f])/gi;
const SHORTEST_MACAROON = 80;

/** The text with a placeholder instead of each credential. */
export function withoutCredentials(text: string): string {
  let shown = "";
  let from = 0;
  for (const { 0: end, index } of text.matchAll(PREIMAGE)) {
    let start = index;
    while (start > from && /[A-Za-z0-9+/_%\\-]/.test(text[start - 1]!)) start--;
    if (index - start < SHORTEST_MACAROON) continue;
    shown += `${text.slice(from, start)}(a credential, not shown)`;
    from = index + end.length;
  }
  return shown + text.slice(from);
}
