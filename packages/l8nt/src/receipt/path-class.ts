/**
 * Path classes: a path without identifiers of records, so that a receipt does not leak them.
 * spec/6-receipts.md §2.
 */

/** The length limit of a class, which keeps receipts short. */
const MAX_SEGMENTS = 16;
const MAX_SEGMENT_LENGTH = 32;

const PLAIN = /^[A-Za-z0-9._~-]*$/;
const DIGIT = /[0-9]/;
const LETTER = /[A-Za-z]/;
const HEX = /^[0-9A-Fa-f]{8,}$/;

/**
 * Each segment that looks like an identifier becomes `*`; the query and the fragment are left out.
 *
 * @example pathClass("/users/1042?verbose=1") === "/users/*"
 */
export function pathClass(path: string): string {
  const segments = path.replace(/[?#].*$/s, "").split("/");
  // A path begins with a slash, so that the first segment is empty.
  const classes = segments
    .slice(0, MAX_SEGMENTS + 1)
    .map((segment) => (isIdentifier(segment) ? "*" : segment));
  return [...classes, ...(segments.length > MAX_SEGMENTS + 1 ? ["**"] : [])].join("/");
}

function isIdentifier(segment: string): boolean {
  if (segment.length > MAX_SEGMENT_LENGTH || !PLAIN.test(segment) || HEX.test(segment)) return true;
  return DIGIT.test(segment) && !LETTER.test(segment);
}
