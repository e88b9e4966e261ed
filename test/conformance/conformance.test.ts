/** The conformance suite: its cases, its runner, and the library behind its protocol. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { answer } from "../../conformance/adapters/l8nt.ts";

const root = join(import.meta.dirname, "../..");
const suite = join(root, "conformance");

interface Quoted {
  readonly page: string;
  readonly sentence: string;
}
interface Case {
  readonly id: string;
  readonly group: string;
  readonly form: string;
  readonly needs: readonly string[];
  readonly mayDiffer?: Quoted & { readonly without: string; readonly verdict: boolean };
  readonly spec: Quoted;
  readonly steps: readonly { readonly expect: { readonly ok: boolean } }[];
}
interface Result {
  readonly id: string;
  readonly result: string;
  readonly why?: string;
}
interface Run {
  readonly error?: string;
  readonly results: readonly Result[];
}

// Plain JavaScript, which the package ships as it is.
const runner = (await import(join(suite, "src/run.js"))) as {
  readCases(): readonly Case[];
  run(command: readonly string[], cases: readonly Case[], options?: object): Promise<Run>;
};
const cases = runner.readCases();

const flat = (text: string): string => text.replace(/\s+/g, " ");
const pages = new Map<string, string>();
function pageOf(name: string): string {
  const text = pages.get(name) ?? flat(readFileSync(join(root, "spec", `${name}.md`), "utf8"));
  pages.set(name, text);
  return text;
}

describe("the cases", () => {
  it("are of their schema, at least 300, each with an id of its own", () => {
    const schema = JSON.parse(readFileSync(join(suite, "cases.schema.json"), "utf8"));
    const isValid = new Ajv2020({ strict: false }).compile(schema);
    for (const name of readdirSync(join(suite, "cases")))
      expect(isValid(JSON.parse(readFileSync(join(suite, "cases", name), "utf8"))), name).toBe(
        true,
      );
    expect(cases.length).toBeGreaterThan(300);
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  });

  it("quote sentences that stand in the specification", () => {
    const quoted = cases.flatMap(({ spec, mayDiffer }) => (mayDiffer ? [spec, mayDiffer] : [spec]));
    const missing = quoted.filter(({ page, sentence }) => !pageOf(page).includes(flat(sentence)));
    expect([...new Set(missing.map(({ page, sentence }) => `${page}: ${sentence}`))]).toEqual([]);
  });

  it("have what is let through beside what is refused, in each group", () => {
    for (const group of new Set(cases.map((one) => one.group))) {
      const verdicts = cases
        .filter((one) => one.group === group)
        .map(({ steps }) => steps.at(-1)!.expect.ok);
      expect(new Set(verdicts), group).toEqual(new Set([true, false]));
    }
  });

  it("need features that are explained, in the package's README too", async () => {
    const { FEATURES } = (await import(join(suite, "src/features.js"))) as {
      FEATURES: Readonly<Record<string, string>>;
    };
    const needed = new Set(
      cases.flatMap(({ needs, mayDiffer }) => (mayDiffer ? [...needs, mayDiffer.without] : needs)),
    );
    expect([...needed].filter((name) => !(name in FEATURES))).toEqual([]);
    const readme = readFileSync(join(suite, "README.md"), "utf8");
    const rows = Object.entries(FEATURES).map(([name, means]) => `| \`${name}\` | ${means} |`);
    expect(rows.filter((row) => !readme.includes(row))).toEqual([]);
  });

  it("are what their source writes", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(suite, "source/generate.js"), "--check"],
      { encoding: "utf8" },
    );
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });
});

it("the library passes every case of both forms", async () => {
  // In this process: the answers of a child would be credentials in its output.
  const peer = { ask: (command: Record<string, unknown>) => answer(command), stop: () => {} };
  const { error, results } = await runner.run([], cases, { peer });
  expect(error).toBeUndefined();
  const bad = results.filter(({ result }) => result !== "pass");
  expect(bad.map(({ id }) => id)).toEqual([]);
});

describe("an adapter that", () => {
  const some = cases.filter(({ needs, form }) => needs.length === 0 && form === "macaroon");
  const three = some.slice(0, 3);
  const hello = `if (command.do === "hello") return say({ id, name: "x", forms: ["macaroon"] });`;
  const program = (body: string): readonly string[] => [
    process.execPath,
    "-e",
    `const say = (answer) => console.log(JSON.stringify(answer));
     require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
       const command = JSON.parse(line), id = command.id;
       ${hello} ${body} });`,
  ];
  const kinds = async (body: string, options?: object): Promise<readonly string[]> =>
    (await runner.run(program(body), three, options)).results.map(({ result }) => result);

  it("ends is started anew for each case", async () => {
    expect(await kinds("process.exit(3)")).toEqual(["crash", "crash", "crash"]);
  });

  it("writes no JSON is reported", async () => {
    expect(await kinds('console.log("garbage")')).toEqual(["garbage", "garbage", "garbage"]);
  });

  it("answers another id is reported", async () => {
    expect(await kinds("say({ id: id + 1, ok: true })")).toEqual(["garbage", "garbage", "garbage"]);
  });

  it("says nothing is stopped when its time is over", async () => {
    let asked = 0;
    // The time of every command but the first is over at once.
    const timer = {
      setTimeout: (end: () => void) => {
        if (asked++ > 0) queueMicrotask(end);
      },
      clearTimeout: () => {},
    };
    expect(await kinds("", { timer })).toEqual(["timeout", "timeout", "timeout"]);
  });

  it("knows no command passes nothing", async () => {
    const none = ["unsupported", "unsupported", "unsupported"];
    expect(await kinds("say({ id, unsupported: true })")).toEqual(none);
  });

  it("gives no verdict fails", async () => {
    expect(await kinds("say({ id })")).toEqual(["fail", "fail", "fail"]);
  });

  it("does not answer hello is shown what it said", async () => {
    const none = [process.execPath, "-e", `console.log('{"id":1,"unsupported":true}')`];
    const { error } = await runner.run(none, three);
    expect(error).toContain('to {"do": "hello"} it said {"id":1,"unsupported":true}');
  });

  it("cannot be started says why", async () => {
    expect((await runner.run(["/nonexistent/adapter"], three)).error).toContain("ENOENT");
  });
});
