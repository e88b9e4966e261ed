/**
 * A selection of the table of broken links that covers its pairs. The whole table is table.test.ts.
 * [cases 56, 62, 63, 72, 75, 82, 106]
 */
import { CELLS, covering } from "./cells.ts";
import { testCells } from "./suite.ts";

testCells(covering(CELLS));
