/**
 * The Claude Agent SDK with its own program as a child process, and a scripted model behind
 * ANTHROPIC_BASE_URL.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as sdk from "@anthropic-ai/claude-agent-sdk";
import { createSdkMcpServer, type Options, query, tool } from "@anthropic-ai/claude-agent-sdk";
import type { SigilHandle } from "l8nt/agents";
import * as adapter from "l8nt/claude-agent-sdk";
import { type ClaudeHookInput, sigilContext, sigilTools, withSigil } from "l8nt/claude-agent-sdk";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import {
  type AgentAdapter,
  agentContract,
  type Get,
  type Script,
} from "./support/agent-contract.ts";
import { type ClaudeModel, claudeModel, handed, promptOf } from "./support/claude-model.ts";
import { runSnippet } from "./support/page.ts";
import { place } from "./support/place.ts";

const namesIn = (script: Script): string[] => [
  script.agent,
  ...script.acts.flatMap((act) => handed(act).flatMap(namesIn)),
];

/** Options with an empty home directory and no network but the model. */
function homed(model: ClaudeModel, env: Record<string, string>): Options & { cwd: string } {
  const home = mkdtempSync(join(tmpdir(), "sigil-claude-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  const { PATH = "" } = env;
  return {
    cwd: home,
    env: {
      PATH,
      HOME: home,
      TMPDIR: home,
      CLAUDE_CODE_TMPDIR: home,
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: "none",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    },
    model: "claude-sonnet-4-5",
    tools: ["Agent"],
    settingSources: [],
  };
}

/** The text of every file that the program wrote, such as transcripts. */
const written = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));

export interface World {
  readonly handle: SigilHandle;
  readonly get: Get;
  readonly signal?: AbortSignal;
}

async function play(
  script: Script,
  { handle, get, signal }: World,
  { tool: called = "get", hooks: more }: { tool?: string; hooks?: Options["hooks"] } = {},
): Promise<unknown[]> {
  const model = await claudeModel(script, `mcp__mine__${called}`);
  const context = sigilContext(handle);
  const { hooks, env } = context;
  const getTool = tool("get", "Gets a URL.", { url: z.string() }, async ({ url }, extra) => ({
    content: [
      { type: "text", text: await get({ url }, (extra as { signal?: AbortSignal }).signal) },
    ],
  }));
  const mine = createSdkMcpServer({
    name: "mine",
    tools: withSigil([getTool, ...sigilTools], context),
  });
  const own = homed(model, env);
  const abortController = new AbortController();
  signal?.addEventListener("abort", () => abortController.abort(signal.reason));
  const seen: unknown[] = [];
  const agents = Object.fromEntries(
    namesIn(script).map((name) => [name, { description: name, prompt: `You are ${name}.` }]),
  );
  try {
    for await (const message of query({
      prompt: promptOf([]),
      options: {
        ...own,
        agents,
        hooks: { ...hooks, PreToolUse: [...hooks.PreToolUse, ...(more?.PreToolUse ?? [])] },
        abortController,
        mcpServers: { mine },
        allowedTools: ["mcp__mine__*", "Agent"],
      },
    }))
      seen.push(message);
  } finally {
    seen.push(model.asked, written(own.cwd), { handle, hooks, env: Object.keys(env) });
  }
  return seen;
}

const claude: AgentAdapter = {
  name: "Claude Agent SDK",
  siblings: true,
  run: (script, world) => play(script, world),
};

agentContract(claude);

test("an agent that is not in the table runs, and is denied", async () => {
  const { handle, get, lineages } = place({});
  const stranger: Script = { agent: "stranger", acts: [{ get: "a" }] };
  await play({ agent: "boss", acts: [{ hand: stranger }, { get: "b" }] }, { handle, get });
  expect(lineages).toEqual(["a ERR_AGENT_UNKNOWN", "b "]);
});

test("agents of one name that two parents start at the same time are below their own parents", async () => {
  const runner = { runner: { budget: "1 sat" } } as const;
  const { handle, get, lineages } = place({
    agents: { left: { agents: runner }, right: { agents: runner } },
  });
  const side = (agent: string): Script => ({
    agent,
    acts: [
      {
        handAll: [0, 1].map((index) => ({ agent: "runner", acts: [{ get: `${agent}${index}` }] })),
      },
    ],
  });
  await play(
    { agent: "boss", acts: [{ handAll: [side("left"), side("right")] }] },
    { handle, get },
  );
  expect(lineages.sort()).toEqual([
    "left0 /left/runner",
    "left1 /left/runner",
    "right0 /right/runner",
    "right1 /right/runner",
  ]);
});

test("an agent that a child starts is below the child, even if it has the name of the child's parent", async () => {
  const { handle, get, lineages } = place({ agents: { scout: { agents: { runner: {} } } } });
  const again: Script = { agent: "scout", acts: [{ get: "again" }] };
  const runner: Script = { agent: "runner", acts: [{ get: "run" }, { hand: again }] };
  await play(
    { agent: "boss", acts: [{ hand: { agent: "scout", acts: [{ hand: runner }] } }] },
    { handle, get },
  );
  expect(lineages).toEqual(["run /scout/runner", "again ERR_AGENT_UNKNOWN"]);
});

test("a start that another hook denied does not give its place to the next agent of that name", async () => {
  const runner = { runner: { budget: "1 sat" } } as const;
  const { handle, get, lineages } = place({
    agents: { left: { agents: runner }, right: { agents: runner } },
  });
  const side = (agent: string): Script => ({
    agent,
    acts: [{ hand: { agent: "runner", acts: [{ get: agent }] } }],
  });
  const lefts = new Set<string>();
  const denied: Options["hooks"] = {
    PreToolUse: [
      {
        matcher: "Agent",
        hooks: [
          async (input) => {
            const { agent_type, tool_use_id } = input as ClaudeHookInput;
            if (agent_type !== "left") return {};
            lefts.add(tool_use_id!);
            return {
              hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision: "deny" },
            };
          },
        ],
      },
    ],
  };
  const script: Script = { agent: "boss", acts: [{ hand: side("left") }, { hand: side("right") }] };
  await play(script, { handle, get }, { hooks: denied });
  expect(lefts.size).toBe(1);
  expect(lineages).toEqual(["right /right/runner"]);
});

test("the ready tools run as the agent that calls, and a denial is a text for the model", async () => {
  const { handle, get } = place({
    agents: { scout: { endpoints: ["GET https://open.example/**"] } },
  });
  const scout: Script = { agent: "scout", acts: [{ get: "https://closed.example/" }] };
  const fetched = await play(
    { agent: "boss", acts: [{ hand: scout }] },
    { handle, get },
    { tool: "fetch_url" },
  );
  expect(JSON.stringify(fetched)).toContain("ERR_ENDPOINT");
  const script: Script = {
    agent: "boss",
    acts: [{ hand: { agent: "nobody", acts: [{ get: "" }] } }],
  };
  const shown = await play(script, { handle, get }, { tool: "show_budget" });
  expect(JSON.stringify(shown)).toContain("ERR_AGENT_UNKNOWN");
});

const never = new AbortController().signal;

test("a call that no hook announced is denied, even if the whole query runs inside a handle", async () => {
  const { handle, get, lineages } = place({});
  const context = sigilContext(handle);
  const { hooks } = context;
  const [own] = withSigil(
    [{ handler: async (url: string, _extra: unknown) => get({ url }) }],
    context,
  );
  await handle.run(() => own!.handler("a", { _meta: { "claudecode/toolUseId": "1" } }));
  await handle.run(() => own!.handler("b", {}));
  const pre = hooks.PreToolUse[0]!.hooks[0]!;
  await pre({ tool_name: "mcp__mine__get", tool_use_id: "2", agent_id: "x" }, "2", {
    signal: never,
  });
  await pre({ tool_name: "mcp__mine__get", tool_use_id: "2" }, "2", { signal: never });
  await own!.handler("c", { _meta: { "claudecode/toolUseId": "2" } });
  expect(lineages).toEqual(["a ERR_AGENT_UNKNOWN", "b ERR_AGENT_UNKNOWN", "c ERR_AGENT_UNKNOWN"]);
});

test("a session inside of an unrelated agent's handle is denied", async () => {
  const { handle, get, lineages } = place({ agents: { left: {}, right: {} } });
  const context = sigilContext(handle.forAgent("right"));
  const [own] = withSigil(
    [{ handler: async (url: string, _extra: unknown) => get({ url }) }],
    context,
  );
  const pre = context.hooks.PreToolUse[0]!.hooks[0]!;
  const call = async (id: string) => {
    await pre({ tool_name: "mcp__mine__get", tool_use_id: id }, id, { signal: never });
    return own!.handler(id, { _meta: { "claudecode/toolUseId": id } });
  };
  await handle.forAgent("left").run(() => call("a sibling runs"));
  await handle.run(() => call("its parent runs"));
  await call("nothing runs");
  expect(lineages).toEqual([
    "a sibling runs ERR_AGENT_UNKNOWN",
    "its parent runs /right",
    "nothing runs /right",
  ]);
});

test("a start waits for its turn, and is denied if the turn does not come", async () => {
  const { handle, get, lineages } = place({
    agents: { left: { agents: { runner: {} } }, runner: {} },
  });
  const context = sigilContext(handle);
  const { hooks } = context;
  const [start] = [hooks.SubagentStart[0]!.hooks[0]!];
  const pre = hooks.PreToolUse[0]!.hooks[0]!;
  const spawn = (id: string, type: string, agent_id?: string) => ({
    tool_name: "Agent",
    tool_use_id: id,
    tool_input: { subagent_type: type },
    ...(agent_id !== undefined && { agent_id }),
  });
  await pre(spawn("1", "left"), "1", { signal: never });
  await start({ agent_id: "l", agent_type: "left" }, "", { signal: never });
  await pre(spawn("2", "runner"), "2", { signal: never });
  const over = new AbortController();
  const waiting = pre(spawn("3", "runner", "l"), "3", { signal: over.signal });
  over.abort();
  expect(await waiting).toMatchObject({ hookSpecificOutput: { permissionDecision: "deny" } });
  const next = pre(spawn("4", "runner", "l"), "4", { signal: never });
  await start({ agent_id: "r1", agent_type: "runner" }, "", { signal: never });
  expect(await next).toEqual({});
  await start({ agent_id: "r2", agent_type: "runner" }, "", { signal: never });
  const [own] = withSigil(
    [{ handler: async (url: string, _extra: unknown) => get({ url }) }],
    context,
  );
  for (const agent_id of ["r1", "r2"]) {
    await pre({ tool_name: "mcp__x__get", tool_use_id: agent_id, agent_id }, agent_id, {
      signal: never,
    });
    await own!.handler(agent_id, { _meta: { "claudecode/toolUseId": agent_id } });
  }
  expect(lineages).toEqual(["r1 /runner", "r2 /left/runner"]);
});

test("the environment for the child process has no SIGIL_ variables", () => {
  process.env.SIGIL_CREDENTIAL = "x";
  onTestFinished(() => {
    delete process.env.SIGIL_CREDENTIAL;
  });
  const { env } = sigilContext(place({}).handle);
  expect(Object.keys(env).filter((name) => name.startsWith("SIGIL"))).toEqual([]);
  expect(env.PATH).toBe(process.env.PATH);
});

test("the page's snippet runs as it stands", async () => {
  const { handle, get, lineages } = place({ agents: { scout: {} } });
  const scout: Script = { agent: "scout", acts: [{ get: "by the scout" }] };
  const script: Script = { agent: "boss", acts: [{ hand: scout }, { get: "by the boss" }] };
  const model = await claudeModel(script, "mcp__paid__report");
  const { env, ...own } = homed(model, {});
  // The snippet passes the environment of this process on, so the machine's own settings go first.
  for (const name of Object.keys(process.env).filter((name) => /^(?:ANTHROPIC|CLAUDE)/.test(name)))
    vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(env!)) if (name !== "PATH") vi.stubEnv(name, value);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const report = tool("report", "Gets a report.", { url: z.string() }, async (input) => ({
    content: [{ type: "text", text: await get(input) }],
  }));
  const printed: unknown[] = [];
  await runSnippet("claude-agent-sdk", {
    modules: {
      // Adds only the settings of the test and a model's name.
      "@anthropic-ai/claude-agent-sdk": {
        ...sdk,
        query: ({ prompt, options }: { prompt: string; options: Options }) =>
          query({ prompt, options: { ...own, ...options } }),
      },
      "l8nt/claude-agent-sdk": adapter,
    },
    handle,
    report,
    prompt: promptOf([]),
    agents: { scout: { description: "A scout.", prompt: "You are a scout." } },
    console: { log: (text: unknown) => printed.push(text) },
  });
  expect(lineages).toEqual(["by the scout /scout", "by the boss "]);
  expect(printed).toEqual(["done"]);
});
