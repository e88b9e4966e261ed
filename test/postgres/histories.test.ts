/**
 * Random histories of requests through two gateways on one database, one of which is killed at any
 * statement while clocks are set. `npm run histories` runs more of them.
 */
import { lawOfHistories } from "../../packages/sigil/src/gateway/fixtures/histories/law.ts";
import { inPostgres } from "./support/mortal-books.ts";

lawOfHistories("postgres", inPostgres);
