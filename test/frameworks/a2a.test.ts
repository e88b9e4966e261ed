/**
 * Remote agents over A2A, with both of its HTTP transports: which agent pays, how much, and what is
 * sent.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { promisify } from "node:util";
import {
  type AgentCard,
  type Message,
  Role,
  type SendMessageRequest,
  TaskState,
} from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  InMemoryTaskStore,
} from "@a2a-js/sdk/server";
import { agentCardHandler, jsonRpcHandler, restHandler } from "@a2a-js/sdk/server/express";
import express from "express";
import { payingUser, withSigil } from "l8nt/a2a";
import { type AgentPolicies, SigilHandle } from "l8nt/agents";
import { paid } from "l8nt/express";
import { Paywall, type Terms } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { describe, expect, test, vi } from "vitest";
import {
  failure,
  listen,
  type Received,
  secretOf,
  type Town,
  town,
} from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { runSnippet } from "./support/page.ts";

type Binding = "JSONRPC" | "HTTP+JSON";

const HOUR: Terms = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } };
const EACH: Terms = { price: "10 sat", grants: { uses: 1 } };

const text = (value: string): Message => ({
  messageId: randomUUID(),
  contextId: "",
  taskId: "",
  role: Role.ROLE_USER,
  parts: [
    {
      content: { $case: "text", value },
      metadata: undefined,
      filename: "",
      mediaType: "text/plain",
    },
  ],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
});
const asking = (value = "hello"): SendMessageRequest => ({
  tenant: "",
  message: text(value),
  configuration: undefined,
  metadata: undefined,
});
const wordOf = (message: unknown) => {
  const [part] = (message as Message).parts ?? [];
  return part?.content?.$case === "text" ? part.content.value : undefined;
};

interface Remote {
  readonly url: string;
  readonly received: Received[];
  /** The messages it received, and whether their senders were authenticated. */
  readonly told: string[];
}

/**
 * A remote agent behind a paywall.
 *
 * @param speak returns its answer to a message
 * @param at the address in its card
 */
async function remote(
  world: Town,
  terms: Terms,
  {
    binding = "JSONRPC",
    speak = async (word: string) => `heard ${word}`,
    at,
  }: { binding?: Binding; speak?: (word: string) => Promise<string>; at?: string } = {},
): Promise<Remote> {
  const received: Received[] = [];
  const told: string[] = [];
  const url = await listen((location) => {
    const paywall = new Paywall({
      secret: secretOf("the remote"),
      location,
      invoicer: devWallet(world.network.account("shop").invoiceOnlyUrl),
      clock: world.clock,
      challengesPerMinute: { perClient: 100_000, total: 100_000 },
    });
    const card: AgentCard = {
      name: "Remote",
      description: "Answers.",
      supportedInterfaces: [
        {
          url: at ?? `${location}/a2a`,
          protocolBinding: binding,
          tenant: "",
          protocolVersion: "1.0",
        },
      ],
      provider: undefined,
      version: "1",
      capabilities: { streaming: true, extensions: [] },
      securitySchemes: {},
      securityRequirements: [],
      defaultInputModes: ["text/plain"],
      defaultOutputModes: ["text/plain"],
      skills: [],
      signatures: [],
    };
    const executor: AgentExecutor = {
      async execute({ userMessage, taskId, contextId, context }, bus) {
        const word = wordOf(userMessage) ?? "";
        told.push(`${word} from ${context?.user?.isAuthenticated}`);
        const answer = { ...text(await speak(word)), role: Role.ROLE_AGENT, contextId, taskId };
        if (word !== "task") bus.publish(AgentEvent.message(answer));
        else
          bus.publish(
            AgentEvent.task({
              id: taskId,
              contextId,
              status: {
                state: TaskState.TASK_STATE_COMPLETED,
                message: answer,
                timestamp: undefined,
              },
              artifacts: [],
              history: [userMessage],
              metadata: undefined,
            }),
          );
        bus.finished();
      },
      cancelTask: async () => {},
    };
    const requestHandler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
    const app = express();
    app.use(express.json({ type: () => true }), (request, _, next) => {
      const { method, originalUrl: target, headers, body = {} } = request;
      // A copy: `paid` takes the credential out of the fields.
      received.push({
        ...{ method, target, text: "" },
        headers: { ...headers },
        body: JSON.stringify(body),
      });
      next();
    });
    app.use(
      "/.well-known/agent-card.json",
      agentCardHandler({ agentCardProvider: requestHandler }),
    );
    const handler = binding === "JSONRPC" ? jsonRpcHandler : restHandler;
    app.use("/a2a", paid(paywall, terms), handler({ requestHandler, userBuilder: payingUser }));
    return app;
  });
  return { url, received, told };
}

async function stage(agents: AgentPolicies = {}) {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.clock.set(Date.now() / 1000);
  const root = world.mint({ budget: "1000 sat" });
  return { world, root, handle: SigilHandle.open({ credential: root, agents }) };
}

/** Makes clients that pay with a handle. */
const clientsOf = (handle?: SigilHandle) => new ClientFactory(withSigil({}, handle));

const bought = ({ received }: Remote) => received.filter(({ headers }) => headers.authorization);

test("the page's snippet runs as it stands", async () => {
  const { world, root } = await stage();
  vi.stubEnv("SIGIL_CREDENTIAL", root.toString());
  const translator = await remote(world, EACH);
  const message = text("hello");
  await runSnippet("a2a", {
    modules: {
      "@a2a-js/sdk/client": { ClientFactory },
      "l8nt/agents": { SigilHandle },
      "l8nt/a2a": { withSigil },
    },
    url: translator.url,
    request: { ...asking(), message },
  });
  expect(translator.told).toEqual(["hello from true"]);
  expect(world.paid().count).toBe(1);
});

test("the example runs, and its own assertions hold", async () => {
  const ran = await promisify(execFile)(
    process.execPath,
    ["--conditions=l8nt-source", resolve(import.meta.dirname, "../../examples/a2a.ts")],
    { timeout: 60_000 },
  );
  expect(ran.stdout).toContain("translated: sonnig, May; the third message ended with ERR_BUDGET");
});

describe.each<Binding>(["JSONRPC", "HTTP+JSON"])("%s", (binding) => {
  test("a message is paid for by the remote agent's own entry of the table, which counts below its caller", async () => {
    const { world, root, handle } = await stage({ translator: { budget: "50 sat" } });
    const translator = await remote(world, EACH, { binding });
    const client = await clientsOf(handle.forAgent("translator")).createFromUrl(translator.url);
    expect(wordOf(await client.sendMessage(asking()))).toBe("heard hello");
    const tree = await world.connect(root).tree();
    expect(tree.map(({ agent, spent }) => [agent, spent[0]!.value])).toEqual([
      [undefined, 10_010n],
      ["translator", 10_010n],
    ]);
  });

  test("an agent sold per message is paid for each message; one sold per hour is paid for once", async () => {
    const { world, handle } = await stage();
    for (const [terms, payments] of [
      [EACH, 2],
      [HOUR, 1],
    ] as const) {
      const before = world.paid().count;
      const agent = await remote(world, terms, { binding });
      const client = await clientsOf(handle).createFromUrl(agent.url);
      await client.sendMessage(asking("one"));
      await client.sendMessage(asking("two"));
      expect(agent.told).toHaveLength(2);
      expect(world.paid().count - before).toBe(payments);
    }
  });

  test("messages sent at the same time share one payment", async () => {
    const { world, handle } = await stage();
    const agent = await remote(world, HOUR, { binding });
    const client = await clientsOf(handle).createFromUrl(agent.url);
    const answers = await Promise.all(
      ["a", "b", "c"].map((word) => client.sendMessage(asking(word))),
    );
    expect(answers.map(wordOf)).toEqual(["heard a", "heard b", "heard c"]);
    expect(world.paid().count).toBe(1);
  });

  test("a stream is paid for once", async () => {
    const { world, handle } = await stage();
    const agent = await remote(world, EACH, { binding });
    const client = await clientsOf(handle).createFromUrl(agent.url);
    const events = [];
    for await (const event of client.sendMessageStream(asking())) events.push(event.payload?.$case);
    expect(events).toEqual(["message"]);
    expect(world.paid().count).toBe(1);
  });

  test("inside a tool, the agent that calls the tool pays, and siblings at the same time are kept apart", async () => {
    const { world, handle } = await stage();
    const [left, right] = [
      await remote(world, EACH, { binding }),
      await remote(world, EACH, { binding }),
    ];
    const only = ({ url }: Remote) => ({ endpoints: [`* ${url}/**`] });
    const scoped = SigilHandle.open({
      credential: handle.credential,
      agents: { left: only(left), right: only(right) },
    });
    const clients = clientsOf();
    const tell = async (name: string, { url }: Remote) => {
      const sent = scoped.forAgent(name).run(async () => {
        const client = await clients.createFromUrl(url);
        return wordOf(await client.sendMessage(asking(name)));
      });
      return sent.catch(({ code }) => code);
    };
    expect(
      await Promise.all([
        tell("left", left),
        tell("left", right),
        tell("right", left),
        tell("right", right),
      ]),
    ).toEqual(["heard left", "ERR_ENDPOINT", "ERR_ENDPOINT", "heard right"]);
    expect(world.paid().count).toBe(2);
  });

  test("an abort ends the call; the message is not sent again, and neither is the next one", async () => {
    const { world, handle } = await stage();
    const abort = new AbortController();
    const speak = () => {
      abort.abort(new Error("enough"));
      return new Promise<string>(() => {});
    };
    const agent = await remote(world, EACH, { binding, speak });
    const client = await clientsOf(handle).createFromUrl(agent.url);
    const { signal } = abort;
    await expect(client.sendMessage(asking(), { signal })).rejects.toThrow("enough");
    await expect(client.sendMessage(asking(), { signal })).rejects.toThrow("enough");
    expect(agent.told).toHaveLength(1);
    expect(world.paid().count).toBe(1);
  });

  test("the remote agent receives the credential that was bought from it, and nothing else of the sender's", async () => {
    const { world, root, handle } = await stage({ translator: { budget: "50 sat" } });
    const translator = await remote(world, HOUR, { binding });
    const child = handle.forAgent("translator");
    const client = await clientsOf(child).createFromUrl(translator.url);
    await client.sendMessage(asking());
    expect(bought(translator).length).toBeGreaterThan(0);
    const wire = JSON.stringify(translator.received);
    for (const credential of [root, child.credential]) {
      const [macaroon, preimage] = credential.toString().split(":") as [string, string];
      expect(wire).not.toContain(macaroon.slice(-40));
      expect(wire).not.toContain(preimage);
    }
    for (const { headers } of bought(translator)) {
      const macaroon = Buffer.from(
        headers.authorization!.replace(/^\S+ /, "").split(":")[0]!,
        "base64",
      );
      expect(macaroon.toString("latin1")).not.toContain("translator.");
    }
    const bodies = translator.received.map(({ body }) => body).join();
    for (const { headers } of bought(translator))
      expect(bodies).not.toContain(headers.authorization!);
    expect(
      JSON.stringify(client, (_, part) => (typeof part === "bigint" ? `${part}` : part)),
    ).not.toContain(child.credential.toString().split(":")[1]);
  });

  test("a task is visible to the client that paid for it, and to no other", async () => {
    const { world, handle } = await stage({ other: {} });
    const agent = await remote(world, HOUR, { binding });
    const mine = await clientsOf(handle).createFromUrl(agent.url);
    const { id } = (await mine.sendMessage(asking("task"))) as { id: string };
    expect((await mine.getTask({ tenant: "", id })).id).toBe(id);
    const stranger = SigilHandle.open({ credential: world.mint() });
    const theirs = await clientsOf(stranger).createFromUrl(agent.url);
    await expect(theirs.getTask({ tenant: "", id })).rejects.toThrow(/not found/i);
  });
});

describe("the hand-off", () => {
  test("to an agent that is not in the table sends nothing, and its caller goes on", async () => {
    const { world, handle } = await stage({ translator: { budget: "50 sat" } });
    const agent = await remote(world, EACH);
    const stranger = handle.forAgent("stranger");
    expect(await failure(clientsOf(stranger).createFromUrl(agent.url))).toMatchObject({
      code: "ERR_AGENT_UNKNOWN",
    });
    const client = await clientsOf(handle).createFromUrl(agent.url);
    const card = await client.getAgentCard();
    const theirs = await clientsOf(stranger).createFromAgentCard(card);
    expect(await failure(theirs.sendMessage(asking()))).toMatchObject({
      code: "ERR_AGENT_UNKNOWN",
    });
    expect(agent.told).toEqual([]);
    expect(world.paid().count).toBe(0);
    expect(wordOf(await client.sendMessage(asking()))).toBe("heard hello");
  });

  test("that would widen is refused", async () => {
    const { world, handle } = await stage({ translator: { budget: "5000 sat" } });
    const agent = await remote(world, EACH);
    const client = await clientsOf(handle).createFromUrl(agent.url);
    const wider = await clientsOf(handle.forAgent("translator")).createFromAgentCard(
      await client.getAgentCard(),
    );
    expect(await failure(wider.sendMessage(asking()))).toMatchObject({ code: "ERR_SCOPE_WIDER" });
    expect(world.paid().count).toBe(0);
  });

  test("keeps to its origins, whatever the remote agent's card says", async () => {
    const { world, root } = await stage();
    const elsewhere = await remote(world, EACH);
    const agent = await remote(world, EACH, { at: `${elsewhere.url}/a2a` });
    const agents = { translator: { endpoints: [`* ${agent.url}/**`] } };
    const handle = SigilHandle.open({ credential: root, agents });
    const client = await clientsOf(handle.forAgent("translator")).createFromUrl(agent.url);
    expect(await failure(client.sendMessage(asking()))).toMatchObject({ code: "ERR_ENDPOINT" });
    expect(elsewhere.received).toEqual([]);
  });

  test("is bounded by both budgets: its own, and the family's", async () => {
    const { world } = await stage();
    const root = world.mint({ budget: "35 sat" });
    const agents: AgentPolicies = { left: { budget: "25 sat" }, right: { budget: "25 sat" } };
    const handle = SigilHandle.open({ credential: root, agents });
    const agent = await remote(world, EACH);
    const got: (string | undefined)[] = [];
    for (const name of ["left", "left", "left", "right", "right"]) {
      const client = await clientsOf(handle.forAgent(name)).createFromUrl(agent.url);
      got.push(await client.sendMessage(asking(name)).then(wordOf, ({ code }) => code));
    }
    expect(got).toEqual(["heard left", "heard left", "ERR_BUDGET", "heard right", "ERR_BUDGET"]);
    expect(world.paid().msat).toBe(30_030n);
    expect(await world.spent(root)).toBe(30_030n);
  });

  test("ends at the remote agent: it pays from its own treasury for what it buys", async () => {
    const { world, handle } = await stage();
    const far = await remote(world, EACH);
    const own = world.mint({ budget: "100 sat" });
    const theirs = SigilHandle.open({ credential: own, agents: { far: { budget: "20 sat" } } });
    const speak = async (word: string) => {
      const client = await clientsOf(theirs.forAgent("far")).createFromUrl(far.url);
      return wordOf(await client.sendMessage(asking(`${word}, passed on`))) ?? "";
    };
    const near = await remote(world, EACH, { speak });
    const client = await clientsOf(handle).createFromUrl(near.url);
    expect(wordOf(await client.sendMessage(asking()))).toBe("heard hello, passed on");
    expect(await world.spent(handle.credential)).toBe(10_010n);
    expect(await world.spent(own)).toBe(10_010n);
  });

  test("of a client that was given the handle of one agent, a sibling's tool gets nothing", async () => {
    const { world, handle } = await stage({ left: {}, right: {} });
    const agent = await remote(world, EACH);
    const [left, right] = [handle.forAgent("left"), handle.forAgent("right")];
    const client = await clientsOf(left).createFromUrl(agent.url);
    const sent = right.run(() => client.sendMessage(asking()));
    expect(await failure(sent)).toMatchObject({ code: "ERR_AGENT_UNKNOWN" });
    expect(agent.told).toEqual([]);
    expect(world.paid().count).toBe(0);
    const own = handle.run(() => client.sendMessage(asking()));
    expect(wordOf(await own)).toBe("heard hello");
  });

  test("an option that the adapter does not have is refused by its name [case 97]", () => {
    const options = { prefferedTransports: ["JSONRPC"] } as never;
    expect(() => withSigil(options)).toThrow(/prefferedTransports/);
  });

  test("a plain client of the SDK is asked to pay, and learns nothing of other clients", async () => {
    const { world } = await stage();
    const agent = await remote(world, EACH);
    const client = await new ClientFactory().createFromUrl(agent.url);
    await expect(client.sendMessage(asking())).rejects.toThrow(/402/);
    expect(agent.told).toEqual([]);
  });
});
