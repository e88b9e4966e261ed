/** What a build reports where the frameworks are not installed. */
import { expect, test } from "vitest";
import { faultsOf, hasGuess } from "./build.ts";

const ADAPTER = `packages/l8nt/src/frameworks/a2a.ts(10,8): error TS2307: Cannot find module.
  It has a second line.`;
const OTHER = "packages/l8nt/src/amount.ts(1,1): error TS2322: Not assignable.";

test("faults of adapters are left out if the frameworks are not installed, and no others", () => {
  const report = `${ADAPTER}\n${OTHER}\n`;
  expect(faultsOf(report, false)).toEqual([OTHER]);
  expect(faultsOf(report, true)).toEqual([ADAPTER, OTHER]);
  expect(faultsOf("", true)).toEqual([]);
});

test("a type that only a framework knows is found in a declaration", () => {
  const source = "export const tools = { a: ready() }; // any tool";
  expect(hasGuess(source, "export declare const tools: { a: any };")).toBe(true);
  expect(hasGuess(source, "/** for any agent */ export declare const tools: Tools;")).toBe(false);
  const own = "export const act = (given: any): void => {}";
  expect(hasGuess(own, "export declare const act: (given: any) => void;")).toBe(false);
});
