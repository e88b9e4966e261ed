/**
 * The preference `no-invoice` (RFC 7240): a client that will not pay the challenge of this response
 * asks for none, so that a purchase costs a service one invoice. spec/3-challenge.md §5.
 */

export const PREFER_FIELD = "prefer";
export const NO_INVOICE = "no-invoice";

const MAX_CHARACTERS = 1024;
/** An element of the list: a comma inside of a quoted text ends none. */
const ELEMENT = /[^,"]+(?:"(?:[^"\\]|\\.)*"[^,"]*)*/g;
const IS_NO_INVOICE = /^no-invoice[ \t]*(?:=[ \t]*(?:"")?[ \t]*)?(?:;|$)/i;

/** The elements of `Prefer`; none for a field that is longer than any that is meant to be read. */
const elementsOf = (prefer: string): readonly string[] =>
  prefer.length > MAX_CHARACTERS
    ? []
    : (prefer.match(ELEMENT) ?? []).map((one) => one.trim()).filter((one) => one !== "");

/** Whether a request asks for no invoice. */
export const prefersNoInvoice = (prefer: string | null | undefined): boolean =>
  prefer ? elementsOf(prefer).some((one) => IS_NO_INVOICE.test(one)) : false;

/** The field without that preference; null if there is no other. */
export function withoutNoInvoice(prefer: string | null): string | null {
  if (!prefersNoInvoice(prefer)) return prefer;
  const others = elementsOf(prefer!).filter((one) => !IS_NO_INVOICE.test(one));
  return others.length === 0 ? null : others.join(", ");
}

/** The fields without that preference. */
export const fieldsWithoutNoInvoice = (
  fields: readonly (readonly [name: string, value: string])[],
): readonly (readonly [name: string, value: string])[] =>
  fields.flatMap(([name, value]) => {
    const kept = name.toLowerCase() === PREFER_FIELD ? withoutNoInvoice(value) : value;
    return kept === null ? [] : [[name, kept] as const];
  });
