/** `sigil mcp` for a model on a host with public addresses: what it buys, and what it refuses. */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inside, trapped, world } from "./support/people.ts";
import { SITES } from "./support/plan.ts";
import { SIGIL } from "./support/processes.ts";

const model = new Client({ name: "model", version: "1.0.0" });
const trusting = new Client({ name: "trusting", version: "1.0.0" });
beforeAll(async () => {
  const env = { SIGIL_CREDENTIAL: world.credentials.treasury.agent };
  for (const [client, ...flags] of [[model], [trusting, "--allow-private"]] as const) {
    const started = inside.started("agents", [...SIGIL, "mcp", ...flags], env);
    await client.connect(new StdioClientTransport({ ...started, stderr: "ignore" }));
  }
});
afterAll(() => Promise.all([model.close(), trusting.close()]));

/** What the tool `fetch` says of a URL. */
async function fetched(url: string, model: Client): Promise<string> {
  const { content } = await model.callTool({ name: "fetch", arguments: { url } });
  return (content as readonly { readonly text?: string }[]).map(({ text }) => text).join("\n");
}

test.each(["a dual-stack name", "an IPv4-only name", "a literal IPv6 address"] as const)(
  "the tool fetch buys at %s",
  async (name) => {
    const { location } = SITES[name];
    expect(await fetched(`${location}/of-a-model`, model)).toContain(`"at":"${location}"`);
  },
);

describe("the tool fetch does not reach an address that is not public", () => {
  test.each([
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00::1]/",
    "https://private.example/",
    "https://mixed.example/",
  ])("%s", async (url) => {
    const before = trapped();
    expect(await fetched(url, model)).toContain("not public");
    expect(trapped()).toEqual(before);
  });
});

test.each(["https://10.0.0.1/", "https://[fd00::1]/", "https://private.example/"])(
  "with --allow-private, it reaches %s",
  async (url) => {
    expect(await fetched(url, trusting)).toContain("TRAP");
  },
);
