/** Days of the calendar. */

/** Whether a text is a day that there is. `Date.parse` takes 30 February for 2 March. */
export const isDate = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  new Date(text).toISOString().startsWith(text);
