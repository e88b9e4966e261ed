/** The reports of the conformance suite, and what its comparison makes of known faults. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const suite = join(import.meta.dirname, "../../conformance");

interface Result {
  readonly id: string;
  readonly group: string;
  readonly result: string;
  readonly why?: string;
}
interface Run {
  readonly name: string;
  readonly error?: string;
  readonly hello?: object;
  readonly results: readonly Result[];
}

// Plain JavaScript, which the package ships as it is.
const { text } = (await import(join(suite, "src/report/text.js"))) as {
  text(runs: readonly Run[]): string;
};
const { html } = (await import(join(suite, "src/report/html.js"))) as {
  html(runs: readonly Run[], cases: readonly object[]): string;
};
const { withKnown } = (await import(join(suite, "compare/known.js"))) as {
  withKnown(name: string, results: readonly Result[]): readonly Result[];
};

const hello = (name: string) => ({
  ...{ name, version: "1.2.3", forms: ["macaroon"], features: [], codes: true },
});
const spec = { page: "9-public-key", section: "5", sentence: "a sentence of <page> 9" };
const allowed = { ...spec, sentence: "what it may do", without: "profile", verdict: true };
const cases = ["a", "b", "c", "d"].map((name) => ({
  ...{ id: `group/${name}/macaroon`, group: "group", title: `case ${name} & more` },
  ...{ form: "macaroon", needs: [], steps: [], spec, mayDiffer: allowed },
}));
const results = (...kinds: readonly string[]): readonly Result[] =>
  kinds.map((result, at) => ({
    ...{ id: cases[at]!.id, group: "group", result },
    ...(result !== "pass" && { why: `why ${"very ".repeat(30)}${at}` }),
  }));
const runs: readonly Run[] = [
  { name: "one", hello: hello("one"), results: results("pass", "pass", "pass", "pass") },
  {
    name: "two",
    hello: hello("<two>"),
    results: results("pass", "fail", "differs", "unsupported"),
  },
  { name: "three", error: "there is no Go on the path", results: [] },
];

describe("the report for a terminal", () => {
  const lines = text(runs).split("\n");

  it("has 80 columns at most", () => {
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const many = Array.from({ length: 9 }, () => runs[1]!);
    expect(
      text(many)
        .split("\n")
        .filter((line) => line.length > 80),
    ).toEqual([]);
  });

  it("counts what came out right of what is supported, for each implementation", () => {
    expect(lines.some((line) => /^group +\[1\] +\[2\]$/.test(line))).toBe(true);
    expect(lines.find((line) => line.startsWith("group  ") && line.includes("/"))).toMatch(
      /4\/4 +2\/3$/,
    );
  });

  it("says what failed, and what was not run", () => {
    expect(lines.join(" ")).toContain("[2] group/b/macaroon");
    expect(lines.join(" ")).toContain("three: not run: there is no Go on the path");
  });
});

describe("the page", () => {
  const page = html(runs, cases);

  it("has a column for each implementation that was run, and says why another was not", () => {
    const [head] = /<thead>.*?<\/thead>/.exec(page)!;
    expect([...head.matchAll(/<th scope="col">([^<]*)</g)].map(([, name]) => name)).toEqual([
      "Group",
      "one",
      "&lt;two&gt;",
    ]);
    expect(page).toContain("<b>three</b>: there is no Go on the path");
  });

  it("has each verdict as a word, beside its sign", () => {
    const row = /<th scope="row">case c .*?<\/tr>/.exec(page)![0];
    expect([...row.matchAll(/<i>([^<]*)<\/i>/g)].map(([, word]) => word)).toEqual([
      "pass",
      "differs",
    ]);
  });

  it("gives the sentence that allows a difference, and the reason of a failure", () => {
    expect(page).toContain("<q>what it may do</q> <small>page 9 §5</small>");
    expect(page).toMatch(/Fails<\/h4><ul><li>fail: why very/);
  });

  it("has no markup of what it shows", () => {
    expect(page).not.toMatch(/<two>|<page>|case . & more/);
  });
});

describe("a known fault", () => {
  const id = "narrowing/a-caveat-with-quotes-and-a-backslash/biscuit";
  const of = (name: string, result: string) =>
    withKnown(name, [{ id, group: "narrowing", result }])[0]!.result;

  it("is told apart from a failure, for the implementation that has it alone", () => {
    expect(of("biscuit-rust", "fail")).toBe("known");
    expect(of("l8nt", "fail")).toBe("fail");
  });

  it("that is gone fails, so the list stays true", () => {
    expect(of("biscuit-rust", "pass")).toBe("fail");
    expect(of("l8nt", "pass")).toBe("pass");
  });

  it("that is a crash is a crash", () => {
    expect(of("biscuit-python", "crash")).toBe("crash");
  });
});
