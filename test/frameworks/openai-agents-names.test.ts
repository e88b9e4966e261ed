/** Agents of the OpenAI Agents SDK that are called like an agent above the one that transfers. */
import { run, tool } from "@openai/agents";
import { type AgentPolicies, currentHandle, SigilHandle } from "l8nt/agents";
import { withSigil } from "l8nt/openai-agents";
import { expect, test } from "vitest";
import { z } from "zod";
import { town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { actor, call, getTool, said } from "./support/openai-crew.ts";

const AGENTS: AgentPolicies = { boss: { agents: { scout: { agents: { helper: {} } } } } };

async function stage() {
  const world = await town();
  const credential = world.mint({ budget: "1000 sat" });
  const handle = SigilHandle.open({ clock: world.clock, credential, agents: AGENTS });
  const seen: string[] = [];
  const get = getTool(async ({ url }) => {
    try {
      seen.push(`${url} /${currentHandle()!.credential.chain.lineage.join("/")}`);
    } catch (error) {
      seen.push(`${url} ${(error as { readonly code?: string }).code}`);
    }
    return "seen";
  });
  return { handle: handle.forAgent("boss"), seen, get };
}

const buy = (url: string) => [call("get", { url })];
const to = (name: string) => [call(`transfer_to_${name}`, {})];

test.each(
  ["as a tool", "by a tool"].flatMap((inside) => [
    ["boss", inside, "ERR_AGENT_UNKNOWN"],
    ["scout", inside, "ERR_AGENT_UNKNOWN"],
    ["helper", inside, "/boss/scout/helper"],
  ]),
)(
  "a transfer to a new agent called %s, in a run that is started %s, gives it %s; a transfer back is one",
  async (other, inside, expected) => {
    const { handle, seen, get } = await stage();
    const scout = actor("scout", [buy("first"), to(other!), buy("back"), said()], { tools: [get] });
    const second = actor(other!, [buy("second"), to("scout")], { tools: [get] });
    [scout.handoffs, second.handoffs] = [[second], [scout]];
    withSigil(scout);
    const ask = tool({
      name: "scout",
      description: "Asks the scout.",
      parameters: z.object({ input: z.string() }),
      execute: async ({ input }) => {
        await run(scout, input);
        return "asked";
      },
    });
    const tools = [inside === "by a tool" ? ask : scout.asTool({ toolName: "scout" })];
    const boss = actor("boss", [[call("scout", { input: "go" })], said()], { tools });
    await run(withSigil(boss), "go", { context: { sigil: handle } });
    expect(seen).toEqual(["first /boss/scout", `second ${expected}`, "back /boss/scout"]);
  },
);

test("a transfer to another agent called like one above is no transfer back", async () => {
  const { handle, seen, get } = await stage();
  const namesake = actor("boss", [buy("namesake"), said()], { tools: [get] });
  const scout = actor("scout", [to("boss")], { handoffs: [namesake] });
  const boss = actor("boss", [to("scout")], { handoffs: [scout] });
  await run(withSigil(boss), "go", { context: { sigil: handle } });
  expect(seen).toEqual(["namesake ERR_AGENT_UNKNOWN"]);
});
