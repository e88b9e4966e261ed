/** What may stand in a header field. */

/** Visible ASCII, blank and tab. Anything else in a field is an injection or a mistake. [case 9] */
export const isFieldText = (text: string): boolean => /^[\t\x20-\x7e]*$/.test(text);
