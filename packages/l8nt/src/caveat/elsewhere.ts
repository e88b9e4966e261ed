/** What the families of conditions say at services that they are not named after: nothing. */
import { apply, fact, not, type Query, query, setOf, variable } from "./datalog.ts";

/** Has an answer at every verifier but the service of this name. */
export const elsewhere = (service: string): Query =>
  query(
    [fact("service", variable("s"))],
    ...not(apply(setOf([service]), "contains", variable("s"))),
  );
