import { describe, expect, it } from "vitest";
import { casesIn, link } from "./cases.ts";

const row = (id: number) => `| <a id="case-${id}"></a>${id} | client | does | must | |`;
const page = `# Cases\n\n${row(1)}\n${row(2)}\n`;

describe("the catalogue of cases", () => {
  it.each([
    ["[case 9]", [9]],
    ["[cases 9, 11]", [9, 11]],
    ["[cases 9-11, 14]", [9, 10, 11, 14]],
    ["a case 9 without brackets", []],
  ])("%s names %j", (text, numbers) => {
    expect(casesIn(text)).toEqual(numbers);
  });

  it("a row lists the tests that name its case, and says if there is none", () => {
    const { page: linked, unknown } = link(page, new Map([["test/a.test.ts", "it('x [case 1]')"]]));
    expect(linked).toContain("must | [a.test.ts](../test/a.test.ts) |");
    expect(linked).toContain("must | none yet |");
    expect(unknown).toEqual([]);
  });

  it("source that names a case is no test of it", () => {
    const { page: linked } = link(page, new Map([["packages/l8nt/src/a.ts", "// [case 1]"]]));
    expect(linked.match(/none yet/g)).toHaveLength(2);
  });

  it("linking twice changes nothing", () => {
    const files = new Map([["test/a.test.ts", "[cases 1, 2]"]]);
    const once = link(page, files).page;
    expect(link(once, files).page).toBe(once);
  });

  it("a case that the page does not have is reported with the file that names it", () => {
    const { unknown } = link(page, new Map([["test/a.test.ts", "[case 3]"]]));
    expect(unknown).toEqual(["test/a.test.ts: names case 3, which spec/cases.md does not have"]);
  });
});
