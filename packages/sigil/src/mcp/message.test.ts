/** What the proxy reads of a message, up to its longest line. */
import { describe, expect, test } from "vitest";
import { ambiguity, readMessage } from "./message.ts";

const call = (argument: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":${argument}}}`;
const why = (line: string) => ambiguity(line, readMessage(line)!);

describe("an argument of 31 MiB", () => {
  const LONG = 31 * 2 ** 20;
  test.each([
    ["one string", `{"text":"${"x".repeat(LONG)}"}`],
    ["escapes", `{"text":"${"\\n".repeat(LONG / 2)}"}`],
    ["escaped backslashes", `{"text":"${"\\\\".repeat(LONG / 2)}"}`],
    ["escaped quotes", `{"text":"${'\\"'.repeat(LONG / 2)}"}`],
  ])("is read, and what is twice behind it is found: %s", (_what, argument) => {
    expect(why(call(argument))).toBeUndefined();
    expect(why(call(`{"a":${argument},"a":1}`))).toBe("the message contains a member twice");
  });
});
