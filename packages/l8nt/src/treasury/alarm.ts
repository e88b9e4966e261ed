/** Alarms: what a person should look at. */
import type { Clock } from "../ports/clock.ts";
import type { Journal } from "../ports/journal.ts";

/** Reports what a person should look at. Never throws. */
export type Alarm = (what: string) => void;

/** An alarm that fails must not interrupt a payment. */
export const safely =
  (alarm: Alarm): Alarm =>
  (what) => {
    try {
      alarm(what);
    } catch {
      // Nothing can be done: the alarm itself is what failed.
    }
  };

/** Also writes each alarm to the journal, if the store works. */
export const inJournal =
  (alarm: Alarm, store: Pick<Journal, "note">, clock: Clock): Alarm =>
  (what) => {
    alarm(what);
    void store.note(what, clock()).catch(() => {});
  };
