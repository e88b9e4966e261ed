/**
 * Process of the demo's orchestrator: pays for a forecast, delegates to two sub-agents, and revokes
 * one of them.
 */
import { Client, type Credential } from "l8nt";
import { Meter, type Outcome, pathOf, visit } from "./outcome.ts";
import { Player } from "./player.ts";
import { ROGUE_PROMPT, SCOUT_PROMPT } from "./prompts.ts";
import { beforeExit, hear, say } from "./stage.ts";

const { weather } = await hear<{ weather: string }>();
const forecast = (city: string) => `${weather}/forecast?city=${city}`;

/** Reports a step to the director, and waits for its answer. */
async function report(step: object): Promise<void> {
  say(step);
  await hear();
}

const meter = new Meter();
const client = new Client({ fetch: meter.fetch, onPayment: meter.onPayment }); // its credential comes from SIGIL_CREDENTIAL

await report({ step: "pay", outcomes: [await visit(client, meter, forecast("Tokyo"))] });

// Delegation is offline: it makes no request.
meter.reset();
const scout = client.delegate({
  agent: "scout",
  endpoints: [`GET ${weather}/forecast`],
  budget: "100 sat",
  maxPrice: "20 sat",
  expiresIn: "15m",
});
const rogue = client.delegate({
  agent: "rogue",
  endpoints: [`GET ${weather}/forecast`],
  budget: "40 sat",
  maxPrice: "20 sat",
  expiresIn: "15m",
});
await report({
  step: "delegate",
  outcomes: ["scout", "rogue"].map((agent) => ({
    what: `derive a credential for ${agent}`,
    by: "client",
    granted: true,
    requests: meter.requests,
  })),
});

/** Starts a sub-agent as a process, with only its credential in the environment. */
const start = (credential: Credential) =>
  new Player("agent", { env: { SIGIL_CREDENTIAL: credential.toString() } });
const agents = { scout: start(scout), rogue: start(rogue) };
beforeExit(() => Promise.all(Object.values(agents).map((player) => player.stop())));
const started = await Promise.all(
  Object.entries(agents).map(async ([agent, player]) => ({
    agent,
    ...(await player.hear<{ pid: number; environment: readonly string[] }>()),
  })),
);
await report({
  step: "start",
  processes: started.map(({ agent, pid }) => ({ role: agent, pid })),
  outcomes: started.map(({ agent, environment }) => ({
    what: `start ${agent} as its own process`,
    by: "client",
    granted: true,
    environment,
  })),
});

const task = async (player: Player, task: object) =>
  (await player.ask<{ outcomes: Outcome[] }>(task)).outcomes;

await report({
  step: "job",
  prompt: SCOUT_PROMPT,
  outcomes: await task(agents.scout, { do: "get", url: forecast("Lisbon") }),
});

const target = { job: forecast("Osaka"), archive: `${weather}/archive/2025` };
await report({
  step: "rogue-job",
  prompt: ROGUE_PROMPT,
  outcomes: await task(agents.rogue, { do: "get", url: target.job }),
});
await report({
  step: "trespass",
  outcomes: await task(agents.rogue, { do: "trespass", ...target }),
});
await report({ step: "widen", outcomes: await task(agents.rogue, { do: "widen", ...target }) });
await report({
  step: "overspend",
  outcomes: await task(agents.rogue, { do: "overspend", ...target }),
});

const revokedAt = performance.now();
await client.revoke(rogue);
const afterwards = await task(agents.rogue, { do: "retry", ...target });
const afterMs = Math.ceil(performance.now() - revokedAt);
await report({
  step: "revoke",
  outcomes: [
    {
      what: "revoke rogue",
      by: "treasury",
      granted: true,
      answer: `every request was denied within ${afterMs} ms`,
      withinOneSecond: afterMs < 1000,
    },
    ...afterwards,
  ],
});

await report({
  step: "go-on",
  outcomes: [
    ...(await task(agents.scout, { do: "get", url: forecast("Porto") })),
    await visit(
      client,
      meter,
      `${weather}/archive/2025`,
      `GET ${pathOf(target.archive)} (the orchestrator itself)`,
    ),
  ],
});

await client.close();
say({ step: "tree", tree: await client.tree() });
