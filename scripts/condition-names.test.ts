// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
/** Which literals name a condition, and which only look like it. */
import { describe, expect, test } from "vitest";
import { namedConditions } from "./condition-names.ts";

describe("a literal that names a condition is a fault", () => {
  test.each([
    ["a caveat", 'append(["budget_msat=1000"])'],
    ["a caveat of an ordinary word", 'append(["agent=a.00000000"])'],
    ["a caveat behind a text", "throw new Error(`the caveat agent=${name} is missing`)"],
    ["the beginning of a caveat", "const caveat = `endpoints=${text}`"],
    ["an unmistakable name", 'const name = "max_uses"'],
    ["a part of a family's name", 'condition.startsWith("budget_")'],
    ["a family of services", "const name = `${service}_capabilities`"],
    ["an end at a service", 'const name = "loop_valid_until"'],
    ["a regular expression of names", "/^(?:max_uses|budget_msat)/.test(x)"],
    ["a regular expression of words", "/^(?:services|payees)$/.test(x)"],
    ["a regular expression of a caveat", "/^agent=/.test(x)"],
    ["a comparison", 'if (condition === "agent") go()'],
    ["a comparison from the other side", 'if ("agent" !== caveat.condition) go()'],
    ["a comparison of a condition's name", 'if (caveat.condition.name === "payees") go()'],
    ["a case of a switch", 'switch (condition) { case "purpose": go() }'],
    ["a refusal's condition", 'const refusal = { condition: "agent" as const }'],
    ["a list that is asked", 'enforced?.includes("agent")'],
    ["a set", 'const JUDGED = new Set(["endpoints"])'],
    ["a list of names", 'const JUDGED = ["endpoints", "payees"]'],
  ])("%s", (_what, text) => {
    expect(namedConditions(text)).not.toEqual([]);
  });

  test("its line and its text are told", () => {
    expect(namedConditions('go();\nconst caveat = "max_depth=1";')).toEqual([
      { line: 2, text: '"max_depth=1"' },
    ]);
  });
});

test.each([
  ["a comment", '// `budget_msat` and "agent=" are caveats\n/** `max_uses` */\ngo()'],
  ["a key of a scope", 'mint({ agent: "agent", endpoints: ["GET https://a.example/**"] })'],
  ["another property's value", 'const route = { credential: "agent" }'],
  ["a comparison of something else", 'if (kind === "agent") go()'],
  ["a flag", 'given.has("purpose")'],
  ["a member of an object", '"agent" in work'],
  ["a type", 'type Policy = Omit<Scope, "agent">'],
  ["a longer word", 'const text = "preimages"; const path = "/agents"'],
  ["a query of a URL", 'const url = "https://a.example/?x-agent=1"'],
  ["an import of a file", 'import { agent } from "./agent.ts";\nexport * from "./purpose.ts";'],
  ["one word in a list", 'const required = ["url", "agent"]'],
  ["a regular expression about something else", "/agent/.test(header)"],
])("%s is none", (_what, text) => {
  expect(namedConditions(text)).toEqual([]);
});
