/** curl, with a base URL and a key: what it prints of an answer, a stream and a refusal. */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { town } from "../../packages/sigil/src/gateway/fixtures/town.ts";
import { chatCompletions } from "./support/chat-completions.ts";
import { expectRefused, PARTS, REFUSALS, type Settings, TEXT } from "./support/client.ts";

const hasCurl = spawnSync("curl", ["--version"]).status === 0;

async function printed({ url, key }: Settings, stream: boolean): Promise<string> {
  const messages = [{ role: "user", content: "Hello" }];
  const body = JSON.stringify({ model: "gpt-test", messages, max_tokens: 100, stream });
  const fields = ["-H", `Authorization: Bearer ${key}`, "-H", "Content-Type: application/json"];
  const args = ["-sN", ...fields, "-d", body, `${url}/v1/chat/completions`];
  return (await promisify(execFile)("curl", args)).stdout;
}

describe.skipIf(!hasCurl)("curl", () => {
  test.each([
    ["an answer", false, new RegExp(TEXT)],
    ["a stream", true, new RegExp(`${PARTS.join(".*")}.*data: \\[DONE\\]\n\n`, "s")],
  ])("shows %s, and pays for what it says", async (_what, isStream, text) => {
    const world = await town({ play: chatCompletions("asked") });
    const settings = { url: world.url, key: world.mint().toKey() };
    expect(await printed(settings, isStream)).toMatch(text);
    await expect.poll(() => world.rows).toMatchObject([{ spent: 210n, isEstimated: false }]);
    expect(world.denials).toEqual([]);
  });

  describe.each(REFUSALS)("with a key that $what", (refusal) => {
    test.each([false, true])("shows the reason, asking for a stream: %s", async (isStream) => {
      const world = await town({ play: chatCompletions("asked") });
      const settings = { url: world.url, key: await refusal.key(world) };
      expect(await printed(settings, isStream)).toMatch(refusal.reason);
      expectRefused(world, refusal);
    });
  });
});
