/** Makes a test of each cell. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cell, cellName } from "./cells.ts";
import { KNOWN } from "./known.ts";
import { openGround, runCell } from "./run.ts";

export function testCells(cells: readonly Cell[]): void {
  let ground: Awaited<ReturnType<typeof openGround>>;
  beforeAll(async () => {
    ground = await openGround();
  });
  afterAll(async () => {
    await ground[Symbol.asyncDispose]();
  });
  describe.concurrent("one payment for an order, true errors, no false blame, nothing reserved, where", () => {
    test.for(cells.map((cell) => [cellName(cell), cell] as const))("%s", async ([name, cell]) => {
      const { wrong } = await runCell(cell, ground);
      expect(wrong.filter(({ law }) => law !== KNOWN[name]?.law)).toEqual([]);
    });
  });
}
