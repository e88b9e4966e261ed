import { describe, expect, test } from "vitest";
import { patternOf, readSteps } from "./page.ts";
import { follow } from "./reader.ts";

describe("a page's steps", () => {
  test("a block that nothing would run is refused", () => {
    expect(() => readSteps("```ts\nlet x;\n```\n")).toThrow("```ts");
  });

  test("a command that prints something else than the page says is a failure", async () => {
    await expect(follow("```sh\necho rain\n```\n```text\nsun\n```\n")).rejects.toThrow("rain");
  });

  test("a command that fails is a failure, unless the page says so", async () => {
    await expect(follow("```sh\nfalse\n```\n")).rejects.toThrow("status 1");
    await follow("```sh fails\nfalse\n```\n");
  });

  test("a terminal that ends before it printed what the page says is a failure", async () => {
    await expect(follow("```sh terminal\necho closed\n```\n```text\nready\n```\n")).rejects.toThrow(
      "closed",
    );
  });

  test("… stands for anything, and everything else for itself", () => {
    expect(
      patternOf("paid … sat\n…\nend.", { isWhole: true }).test("paid 10 sat\na\nb\nend."),
    ).toBe(true);
    expect(patternOf("end.", { isWhole: true }).test("ends")).toBe(false);
  });
});
