/** What pytest's report says: how many tests passed, failed and were left out. */

export interface Counted {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Reads the JUnit report of pytest. Undefined if it is none. */
export function countReport(xml: string): Counted | undefined {
  const suite = /<testsuite\s[^>]*>/.exec(xml)?.[0];
  if (suite === undefined) return undefined;
  const count = (name: string) => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? "0");
  const failed = count("failures") + count("errors");
  const skipped = count("skipped");
  return { passed: Math.max(0, count("tests") - failed - skipped), failed, skipped };
}
