/** `sigil mcp proxy` as a process in front of servers of both SDKs and of hostile servers. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import type { Scope } from "l8nt";
import { Authority } from "l8nt/l402";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { gate, secretOf, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { childEnv } from "./support/child-env.ts";
import { type Host, type HostKind, overStdio, sigilArgs } from "./support/mcp-hosts.ts";
import { sigil } from "./support/sigil.ts";

const folder = mkdtempSync(join(tmpdir(), "sigil-mcp-proxy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const server = (name: "notes-1" | "notes-2" | "hostile") =>
  join(import.meta.dirname, "support/mcp-servers", `${name}.ts`);

/** Each with a server that speaks its version. */
const PAIRS = [
  ["sdk 1", "notes-1"],
  ["sdk 1", "notes-2"],
  ["sdk 2", "notes-1"],
  ["sdk 2", "notes-2"],
  ["sdk 2, 2026-07-28", "notes-2"],
] as const;

const behind = (
  flags: readonly string[],
  [kind, notes]: readonly [HostKind, "notes-1" | "notes-2"] = PAIRS[0],
  env: Record<string, string> = {},
): Promise<Host> =>
  overStdio(
    kind,
    sigilArgs("mcp", "proxy", ...flags, "--", process.execPath, "--no-warnings", server(notes)),
    env,
  );

const authority = new Authority({
  secret: secretOf("the owner"),
  location: "https://notes.example",
});
const credentialText = (scope: Scope) =>
  authority.minter.mint({ services: ["notes"], expiresIn: "1h", ...scope }).toString();

async function refused(host: Host, tool: string): Promise<string> {
  const { isError, texts } = await host.call(tool);
  expect(isError).toBe(true);
  expect(texts[0]).toMatch(/^Refused by sigil mcp proxy: /);
  return texts[0]!;
}

/** The proxy by hand: lines in, lines out. */
function raw(flags: readonly string[], what: string, env: Record<string, string> = {}) {
  const child: ChildProcessWithoutNullStreams = spawn(
    process.execPath,
    sigilArgs(
      "mcp",
      "proxy",
      ...flags,
      "--",
      process.execPath,
      "--no-warnings",
      server("hostile"),
      what,
    ),
    { env: childEnv(env) },
  );
  const parts = { stdout: "", stderr: "" };
  child.stderr.on("data", (part) => (parts.stderr += part));
  const closed = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  return {
    child,
    parts,
    closed,
    listen: () => child.stdout.on("data", (part) => (parts.stdout += part)),
    say: (...lines: readonly string[]) => child.stdin.write(`${lines.join("\n")}\n`),
    lines: () => parts.stdout.trimEnd().split("\n"),
  };
}

const call = (id: number, params: string) =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`;

describe.each(PAIRS)("between a host with %s and %s", (...pair) => {
  test("only allowed tools are listed and run, and a refusal is a result", async () => {
    const host = await behind(["--allow", "read", "--allow", "fail"], pair);
    expect(await host.tools()).toEqual(["read", "fail"]);
    expect(await host.call("read", { text: "x" })).toEqual({ isError: false, texts: ["read x"] });
    expect(await host.call("fail")).toMatchObject({
      isError: true,
      texts: [expect.stringContaining("out of order")],
    });
    expect(await refused(host, "delete")).toContain("--allow does not name this tool");
    expect(await refused(host, "no-such-tool")).toContain("--allow does not name this tool");
    // The server's own stderr, passed on.
    expect(host.stderr()).toContain("ran read\n");
    expect(host.stderr()).not.toContain("ran delete");
  });

  test("resources, prompts, progress and cancellation pass unchanged", async () => {
    const host = await behind(["--deny", "delete"], pair);
    const client = host.client as Client1;
    expect((await client.readResource({ uri: "note://1" })).contents).toMatchObject([
      { text: "a note" },
    ]);
    expect((await client.getPrompt({ name: "summary" })).messages).toMatchObject([
      { content: { text: "sum it up" } },
    ]);
    expect((await client.listResources()).resources).toHaveLength(1);
    expect(await refused(host, "delete")).toContain("--deny names this tool");
    const [progressed, abort] = [gate(), new AbortController()];
    const waiting = expect(
      host.call("wait", {}, { signal: abort.signal, onprogress: progressed.open }),
    ).rejects.toThrow();
    await progressed.opened;
    abort.abort();
    await waiting;
    await expect.poll(host.stderr).toContain("cancelled\n");
  });

  test("calls are counted for each tool and for all", async () => {
    const host = await behind(["--max-calls", "read=2", "--max-calls-per-hour", "3"], pair);
    await host.call("read");
    await host.call("read");
    expect(await refused(host, "read")).toContain("used up: 2 calls of read");
    expect(await host.call("environment")).toMatchObject({ isError: false });
    expect(await refused(host, "environment")).toContain("used up: 3 calls an hour");
  });
});

test("a request of the server to the host, such as sampling, passes, and so does the answer", async () => {
  const host = await behind(["--allow", "ask"]);
  (host.client as Client1).setRequestHandler(CreateMessageRequestSchema, () => ({
    model: "m",
    role: "assistant" as const,
    content: { type: "text" as const, text: "that" },
  }));
  expect(await host.call("ask")).toEqual({ isError: false, texts: ["it said that"] });
});

test("an empty --allow allows nothing, and without --allow everything is allowed that is not denied", async () => {
  const none = await behind(["--allow", ""]);
  expect(await none.tools()).toEqual([]);
  expect(await refused(none, "read")).toContain("--allow does not name this tool");
  const all = await behind(["--deny", "delete", "--deny", "wait"]);
  expect(await all.tools()).toEqual(["read", "fail", "environment", "ask"]);
});

test("a tool that is both allowed and denied is denied", async () => {
  const host = await behind(["--allow", "read", "--deny", "read"]);
  expect(await host.tools()).toEqual([]);
  await refused(host, "read");
});

test("the audit has a line for each call, with sizes and without contents", async () => {
  const file = join(folder, "audit.jsonl");
  const host = await behind([
    "--allow",
    "read",
    "--allow",
    "fail",
    "--allow",
    "wait",
    "--audit",
    file,
  ]);
  await host.call("read", { text: "the secret of the house" });
  await host.call("delete", { text: "another secret" });
  await host.call("fail");
  const abort = new AbortController();
  const started = gate();
  const waiting = expect(
    host.call("wait", {}, { signal: abort.signal, onprogress: started.open }),
  ).rejects.toThrow();
  await started.opened;
  abort.abort();
  await waiting;
  // Written as they happen, and not at the end only.
  await expect
    .poll(() => readFileSync(file, "utf8").split("\n").length, { timeout: 10_000 })
    .toBe(5);
  const text = readFileSync(file, "utf8");
  expect(text).not.toContain("secret");
  const entries = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(entries).toMatchObject([
    { tool: "read", decision: "allowed", outcome: "result", argumentBytes: 34 },
    {
      tool: "delete",
      decision: "refused",
      reason: "--allow does not name this tool",
      argumentBytes: 25,
    },
    { tool: "fail", decision: "allowed", outcome: "tool-error", argumentBytes: 2 },
    { tool: "wait", decision: "allowed", outcome: "cancelled" },
  ]);
  for (const { time, decision, durationMs } of entries) {
    expect(Math.abs(Date.parse(time as string) - Date.now())).toBeLessThan(60_000);
    expect(typeof durationMs).toBe(decision === "allowed" ? "number" : "undefined");
  }
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

describe("the server's environment", () => {
  const OWN = {
    SIGIL_CREDENTIAL: "c",
    SIGIL_WALLET: "w",
    SIGIL_SECRET: "s",
    SIGIL_OWNER_CREDENTIAL: "o",
    SIGIL_TREASURY_KEY: "k",
    SIGIL_STORE: "p",
    SIGIL_MCP_TOKEN: "t",
    SIGIL_OF_LATER: "l",
  };
  const seenBy = async (flags: readonly string[]) => {
    const host = await behind(flags, PAIRS[0], { ...OWN, NOTES_KEY: "n" });
    return (await host.call("environment")).texts[0];
  };

  test("has what is its own, and nothing of Sigil's", async () => {
    const seen = await seenBy([]);
    expect(seen).toContain("NOTES_KEY");
    expect(seen).not.toContain("SIGIL_");
  });

  test("has both with --pass-credential", async () => {
    const seen = await seenBy(["--pass-credential"]);
    for (const name of ["NOTES_KEY", ...Object.keys(OWN)]) expect(seen).toContain(name);
  });
});

describe("with a credential", () => {
  const held = (scope: Scope, flags: readonly string[] = []) =>
    behind(["--service", "notes", ...flags], PAIRS[0], { SIGIL_CREDENTIAL: credentialText(scope) });

  test("the allowed tools are the credential's capabilities, and --deny still applies", async () => {
    const host = await held({ capabilities: { notes: ["read", "delete", "environment"] } }, [
      "--deny",
      "delete",
    ]);
    expect(await host.tools()).toEqual(["read", "environment"]);
    expect(await refused(host, "delete")).toContain("--deny names this tool");
    expect(await refused(host, "fail")).toContain("notes_capabilities");
    // The proxy's own credential is not handed to the server.
    expect((await host.call("environment")).texts[0]).not.toContain("SIGIL_CREDENTIAL");
  });

  test("the capabilities of an ancestor apply too", async () => {
    const wide = authority.minter.mint({
      services: ["notes"],
      expiresIn: "1h",
      capabilities: { notes: ["read", "fail"] },
    });
    const file = join(folder, "narrow.credential");
    const narrow = wide.delegate({ agent: "a", capabilities: { notes: ["fail", "delete"] } });
    writeFileSync(file, `${narrow}\n`, { mode: 0o600 });
    const host = await behind(["--service", "notes", "--credential-file", file]);
    expect(await host.tools()).toEqual(["fail"]);
  });

  test("max_uses counts calls in this process", async () => {
    const host = await held({ capabilities: { notes: ["read"] }, maxUses: 1 });
    await host.call("read");
    expect(await refused(host, "read")).toContain("used up: max_uses 1 of the credential");
  });

  test("an expired credential allows no call, because it is judged at each call", async () => {
    const host = await held({ capabilities: { notes: ["read"] }, expiresIn: "6s" });
    expect(await host.call("read")).toMatchObject({ isError: false });
    await expect
      .poll(async () => (await host.call("read")).isError, { timeout: 20_000 })
      .toBe(true);
    expect(await refused(host, "read")).toContain("valid_until");
  });

  test("with --check-revocation, a revoked credential and an unknown one allow no call", async () => {
    const { clock, mint, connect, openShop } = await town();
    clock.set(Math.floor(Date.now() / 1000));
    const parent = mint();
    const child = parent.delegate({ agent: "scout", capabilities: { notes: ["read"] } });
    const flags = ["--service", "notes", "--check-revocation"];
    const host = await behind(flags, PAIRS[0], { SIGIL_CREDENTIAL: child.toString() });
    expect(await host.call("read")).toMatchObject({ isError: false });
    await connect(parent).revoke(child);
    await expect
      .poll(async () => (await host.call("read")).isError, { timeout: 10_000 })
      .toBe(true);
    expect(await refused(host, "read")).toContain("revo");
    // A service is no treasury, and says nothing.
    const { paywall } = await openShop();
    const strange = paywall.authority.minter.mint({
      endpoints: ["* http://127.0.0.1:*/**"],
      expiresIn: "1h",
      capabilities: { notes: ["read"] },
    });
    const other = await behind(flags, PAIRS[0], { SIGIL_CREDENTIAL: strange.toString() });
    await refused(other, "read");
  });

  test("with --check-revocation, a frozen credential allows no call until the owner thaws it", async () => {
    const { clock, mint, treasury } = await town();
    clock.set(Math.floor(Date.now() / 1000));
    const own = mint({ capabilities: { notes: ["read"] } });
    const host = await behind(["--service", "notes", "--check-revocation"], PAIRS[0], {
      SIGIL_CREDENTIAL: own.toString(),
    });
    await treasury.owner.freeze();
    expect(await refused(host, "read")).toContain("the root is frozen");
    await treasury.owner.thaw();
    await expect
      .poll(async () => (await host.call("read")).isError, { timeout: 10_000 })
      .toBe(false);
  });

  test("sigil delegate --capability makes such a credential", async () => {
    // Into a file: it prints a credential, and the canary reads what children print.
    const path = join(folder, "delegated.json");
    const child = spawn(
      process.execPath,
      sigilArgs(
        "delegate",
        "--agent",
        "a",
        "--capability",
        "notes:read",
        "--capability",
        "notes:ns:x",
        "--json",
      ),
      {
        env: childEnv({ SIGIL_CREDENTIAL: credentialText({}) }),
        stdio: ["ignore", openSync(path, "w", 0o600), "inherit"],
      },
    );
    expect(await once(child, "close")).toEqual([0, null]);
    expect((JSON.parse(readFileSync(path, "utf8")) as { caveats: string[] }).caveats).toContain(
      "notes_capabilities=read,ns:x",
    );
    const none = await sigil(["delegate", "--capability", "read"], {
      SIGIL_CREDENTIAL: credentialText({}),
    });
    expect(none).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("SERVICE:NAME"),
    });
  });

  test.each([
    [{}, "has no capabilities caveat"],
    [{ capabilities: { other: ["read"] } }, "has no capabilities caveat"],
  ])("one that says nothing of these tools is refused: %j", async (scope, why) => {
    const run = raw(["--service", "notes"], "echoes", { SIGIL_CREDENTIAL: credentialText(scope) });
    expect((await run.closed)[0]).toBe(2);
    expect(run.parts.stderr).toContain(why);
  });

  test("a credential for another service is refused", async () => {
    const host = await held({ services: ["other"], capabilities: { notes: ["read"] } });
    expect(await host.tools()).toEqual([]);
    expect(await refused(host, "read")).toContain("services");
  });
});

describe("a hostile host", () => {
  test.each([
    ["a name twice", call(1, '{"name":"read","name":"delete"}')],
    ["a name twice, once escaped", call(1, '{"name":"read","n\\u0061me":"delete"}')],
    ["a name twice, the allowed one last", call(1, '{"name":"delete","name":"read"}')],
    [
      "a name twice, the allowed one last and escaped",
      call(1, '{"name":"delete","n\\u0061me":"read"}'),
    ],
    ["a name in other letters", call(1, '{"name":"read","Name":"delete"}')],
    [
      "a method twice",
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"delete"}}',
    ],
    [
      "the other way round",
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping","params":{"name":"delete"}}',
    ],
    [
      "a method in other letters",
      '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"delete"}}',
    ],
    ["parameters twice", `${call(1, '{"name":"read"}').slice(0, -1)},"params":{"name":"delete"}}`],
    [
      "parameters twice, the allowed ones last",
      call(1, '{"name":"delete"},"params":{"name":"read"}'),
    ],
    ["an id twice", call(1, '{"name":"read"},"id":2')],
    ["a batch", `[${call(1, '{"name":"delete"}')}]`],
    ["no id", '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"delete"}}'],
    [
      "an id that is null",
      '{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"delete"}}',
    ],
    ["a name that is no text", call(1, '{"name":["delete"]}')],
    ["no parameters", '{"jsonrpc":"2.0","id":1,"method":"tools/call"}'],
    ["a name with a blank", call(1, '{"name":"read "}')],
    ["no JSON", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete"}'],
  ])("gets nothing past it by %s", async (_, line) => {
    const run = raw(["--allow", "read"], "echoes");
    run.listen();
    run.say(line, '{"jsonrpc":"2.0","id":9,"method":"ping"}');
    await expect.poll(() => run.parts.stderr, { timeout: 10_000 }).toContain("got ");
    expect(run.parts.stderr).toBe('got {"jsonrpc":"2.0","id":9,"method":"ping"}\n');
    for (const answer of run.lines().filter((text) => text !== ""))
      expect(JSON.parse(answer)).toMatchObject({ jsonrpc: "2.0" });
  });

  test("an allowed message is forwarded byte for byte", async () => {
    const run = raw(["--allow", "read"], "echoes");
    const line = call(
      1,
      '{ "name": "read", "arguments": {"n": 12345678901234567890, "f": 1.0, "t": "\\u00e4/ä"} }',
    );
    run.say(line);
    await expect.poll(() => run.parts.stderr, { timeout: 10_000 }).toBe(`got ${line}\n`);
  });

  // Python's text streams, by which its servers read, end a line at each of \r, \n and \r\n.
  test("cannot hide a call between carriage returns in one line", async () => {
    const run = raw(["--deny", "delete"], "echoes");
    run.say(
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":\r${call(2, '{"name":"delete"}')}\r}}`,
    );
    run.say('{"jsonrpc":"2.0","id":9,"method":"ping"}\r');
    await expect.poll(() => run.parts.stderr, { timeout: 10_000 }).toContain('"id":9');
    expect(run.parts.stderr).not.toContain("delete");
  });

  test("cannot hide a denied name behind bytes that are not UTF-8", async () => {
    const run = raw(["--deny", "delete"], "echoes");
    run.child.stdin.write(Buffer.from(`${call(1, '{"name":"del\u00ffete"}')}\n`, "latin1"));
    run.child.stdin.write(`\ufeff${call(2, '{"name":"delete"}')}\n`);
    run.say('{"jsonrpc":"2.0","id":9,"method":"ping"}');
    await expect.poll(() => run.parts.stderr, { timeout: 10_000 }).toContain("got ");
    expect(run.parts.stderr).toBe('got {"jsonrpc":"2.0","id":9,"method":"ping"}\n');
  });

  test("cannot use an id again while it is open", async () => {
    const run = raw([], "echoes");
    run.listen();
    run.say(call(1, '{"name":"a"}'), call(1, '{"name":"b"}'));
    await expect.poll(() => run.parts.stdout, { timeout: 10_000 }).toContain("this id is in use");
    await expect.poll(() => run.parts.stderr, { timeout: 10_000 }).toContain('"name":"a"');
    expect(run.parts.stderr).not.toContain('"name":"b"');
  });
});

describe("a hostile server", () => {
  test("that exits at once ends the proxy, which says how the server ended", async () => {
    const run = raw([], "exits");
    expect(await run.closed).toEqual([1, null]);
    expect(run.parts.stderr).toContain("sigil: the server ended: exit code 3\n");
  });

  test("that writes lines without a message cannot pass them, and its messages pass", async () => {
    const run = raw([], "nonsense");
    run.listen();
    await run.closed;
    expect(run.lines().map((line) => JSON.parse(line).params.data)).toEqual([
      "still here",
      "the end",
    ]);
    expect(run.parts.stderr.split("\n").length).toBeLessThan(30);
  });

  test("cannot list more tools under an id that hosts take for the same", async () => {
    const run = raw(["--allow", "read"], "lists");
    run.listen();
    run.say('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
    await expect.poll(() => run.parts.stdout, { timeout: 10_000 }).not.toBe("");
    expect(JSON.parse(run.parts.stdout).result.tools).toMatchObject([{ name: "read" }]);
    expect(JSON.parse(run.parts.stdout).result.tools).toHaveLength(1);
  });

  test("that writes an endless line is stopped", async () => {
    const run = raw([], "huge");
    run.listen();
    expect((await run.closed)[0]).toBe(1);
    expect(run.parts.stdout).toBe("");
    expect(run.parts.stderr).toContain("a message is longer than 32 MiB");
  });

  test("that floods a host which does not read has to wait, and memory stays bounded", async () => {
    const run = raw([], "floods");
    await expect.poll(() => run.parts.stderr, { timeout: 10_000 }).toContain("said ");
    // Unread by this test: what was said by then is in pipes and buffers, and no more comes.
    let before = "";
    await expect
      .poll(
        () => {
          const isStill = before === run.parts.stderr;
          before = run.parts.stderr;
          return isStill;
        },
        { timeout: 20_000, interval: 1000 },
      )
      .toBe(true);
    expect(Number(/said (\d+)\n$/.exec(run.parts.stderr)?.[1])).toBeLessThan(20_000);
  });

  test("that ignores the end of its host and SIGTERM is killed", async () => {
    const run = raw([], "stays");
    await expect.poll(() => run.parts.stderr, { timeout: 10_000 }).toMatch(/pid \d+\n/);
    const pid = Number(/pid (\d+)/.exec(run.parts.stderr)?.[1]);
    run.child.stdin.end();
    expect(await run.closed).toEqual([0, null]);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test("ends with the proxy", async () => {
    const run = raw([], "stays");
    await expect.poll(() => run.parts.stderr, { timeout: 10_000 }).toMatch(/pid \d+\n/);
    const pid = Number(/pid (\d+)/.exec(run.parts.stderr)?.[1]);
    run.child.kill("SIGTERM");
    expect(await run.closed).toEqual([130, null]);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});
