/** `sigil mcp` as a process, used by the official MCP clients over stdio and over HTTP. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Credential } from "l8nt";
import { macaroonOf } from "l8nt/l402";
import { ReceiptClerk, ReceiptSigner } from "l8nt/receipts";
import { MemoryStore } from "l8nt/stores/memory";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { gate, site, type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { childEnv } from "./support/child-env.ts";
import {
  HOSTS,
  type Host,
  type HostKind,
  overHttp,
  overStdio,
  sigilArgs,
} from "./support/mcp-hosts.ts";
import { sigil, spawned } from "./support/sigil.ts";

const folder = mkdtempSync(join(tmpdir(), "sigil-mcp-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The program has the system's clock, so the town has its time. */
async function townOfToday(options: Parameters<typeof town>[0] = {}): Promise<Town> {
  const made = await town(options);
  made.clock.set(Math.floor(Date.now() / 1000));
  return made;
}

const hostFor = (credential: Credential, kind: HostKind = "sdk 1", args: readonly string[] = []) =>
  overStdio(kind, sigilArgs("mcp", "--allow-private", ...args), {
    SIGIL_CREDENTIAL: credential.toString(),
  });

/** The facts of a fetch, and its body. */
async function fetched(host: Host, url: string, more: Record<string, unknown> = {}) {
  const { texts, isError } = await host.call("fetch", { url, ...more });
  expect(isError, texts.join("\n")).toBe(false);
  return { facts: JSON.parse(texts[0]!) as Record<string, unknown>, body: texts[1] };
}

async function denied(host: Host, tool: string, args: Record<string, unknown>): Promise<string> {
  const { texts, isError } = await host.call(tool, args);
  expect(isError, texts.join("\n")).toBe(true);
  // No stack, whatever went wrong.
  expect(texts.join("\n")).not.toMatch(/\n\s+at |node:internal|\.ts:\d/);
  return texts.join("\n");
}

function holdsNoSecret(text: string, ...credentials: readonly Credential[]): void {
  for (const credential of credentials) {
    const [macaroon = "", preimage = ""] = credential.toString().split(":");
    const signature = Buffer.from(macaroonOf(credential).signature).toString("hex");
    for (const secret of [macaroon, preimage, signature]) expect(text.includes(secret)).toBe(false);
  }
}

describe.each(HOSTS)("a host with %s", (kind) => {
  test("fetches, and pays once for a paid resource", async () => {
    const { mint, openShop, paid } = await townOfToday();
    const { url, served } = await openShop();
    const credential = mint();
    const host = await hostFor(credential, kind);
    expect(await host.tools()).toEqual(["fetch", "budget", "delegate", "receipts"]);
    const { facts, body } = await fetched(host, `${url}/forecast`);
    expect(facts).toMatchObject({
      status: 200,
      contentType: "application/json",
      paid: [{ origin: url, amount: "10 sat" }],
    });
    expect(body).toBe('{"served":1}');
    expect(served).toHaveLength(1);
    expect(paid().count).toBe(1);
    holdsNoSecret(host.told() + host.stderr(), credential);
  });

  test("gets the reason for a request out of scope, and nothing is sent", async () => {
    const { mint } = await townOfToday();
    const [own, other] = [await site((_, response) => response.end("own")), await site(() => {})];
    const host = await hostFor(mint({ endpoints: [`GET ${own.url}/**`] }), kind);
    expect((await fetched(host, `${own.url}/x`)).body).toBe("own");
    const why = await denied(host, "fetch", { url: `${other.url}/x` });
    expect(why).toContain("Denied (ERR_ENDPOINT)");
    expect(why).toContain(`GET ${own.url}/**`);
    expect(other.received).toHaveLength(0);
  });

  test("cancels a request, and the service sees it end", async () => {
    const { mint } = await townOfToday();
    const [arrived, left] = [gate(), gate()];
    const slow = await site((_, response) => {
      response.on("close", left.open);
      response.write("…");
      arrived.open();
    });
    const host = await hostFor(mint(), kind);
    const abort = new AbortController();
    const call = host.call("fetch", { url: slow.url }, { signal: abort.signal });
    const failed = expect(call).rejects.toThrow();
    await arrived.opened;
    abort.abort();
    await failed;
    await left.opened;
  });
});

describe("the tool fetch", () => {
  test("returns text up to a limit, a note for binary data, and an error status", async () => {
    const { mint } = await townOfToday();
    const large = "ä".repeat(100_000);
    const { url } = await site(({ target, body, headers }, response) => {
      if (target === "/large") return response.end(large);
      if (target === "/endless")
        return response.write(large) && setInterval(() => response.write(large), 5).unref();
      if (target === "/bytes")
        return response.setHeader("content-type", "image/png").end(Buffer.from([0, 255, 254]));
      if (target === "/echo")
        return response.end(`${headers["content-type"]} ${headers["x-a"]} ${body}`);
      return response.writeHead(404).end("nothing here");
    });
    const host = await hostFor(mint());
    const whole = await fetched(host, `${url}/large`);
    expect(whole.facts.note).toBe("Only the first 65536 bytes are shown.");
    expect(whole.body).toBe("ä".repeat(32_768));
    expect((await fetched(host, `${url}/endless`)).body).toBe("ä".repeat(32_768));
    const binary = await fetched(host, `${url}/bytes`);
    expect(binary).toEqual({
      facts: {
        status: 200,
        contentType: "image/png",
        note: "The body is binary and is not shown.",
        bytes: 3,
      },
      body: undefined,
    });
    expect(await fetched(host, `${url}/missing`)).toMatchObject({
      facts: { status: 404 },
      body: "nothing here",
    });
    const posted = await fetched(host, `${url}/echo`, { body: '{"a":1}', headers: { "X-A": "b" } });
    expect(posted.body).toBe('application/json b {"a":1}');
  });

  test("does not show a credential that a service repeats", async () => {
    const { mint, openShop } = await townOfToday();
    const echoing = await openShop();
    let sent = "";
    echoing.answers.push((response) => {
      const { headers } = echoing.received.at(-1)!;
      sent = headers.authorization!.split(" ")[1]!;
      response.end(`you sent ${headers.authorization}, thank you`);
    });
    const host = await hostFor(mint());
    const { body } = await fetched(host, echoing.url);
    expect(sent.length).toBeGreaterThan(200);
    expect(body?.includes(sent)).toBe(false);
    expect(body).toBe("you sent L402 (a credential, not shown), thank you");
  });

  test("does not show a credential that the treasury hands over to a request by hand", async () => {
    const { mint, openShop, treasury } = await townOfToday();
    const { url } = await openShop();
    const host = await hostFor(mint());
    const order = JSON.stringify({ id: crypto.randomUUID(), method: "GET", url });
    const { facts, body } = await fetched(host, `${treasury.location}/v1/purchases`, {
      body: order,
    });
    expect(facts.status).toBe(200);
    expect(JSON.parse(body!)).toMatchObject({ credential: "(a credential, not shown)" });
  });

  test("refuses a credential field from the model, which would bypass the scope", async () => {
    const { mint } = await townOfToday();
    const other = await site((_, response) => response.end("out"));
    const host = await hostFor(mint({ endpoints: ["GET https://a.example/**"] }));
    for (const name of ["Authorization", "macaroon", "Grpc-Metadata-Macaroon"])
      expect(await denied(host, "fetch", { url: other.url, headers: { [name]: "x" } })).toContain(
        "headers may not contain",
      );
    expect(other.received).toHaveLength(0);
  });

  test("reports a paid request that was not delivered, and does not pay again", async () => {
    const { mint, openShop, paid } = await townOfToday();
    const { url, answers } = await openShop();
    answers.push("fail");
    const host = await hostFor(mint());
    const { facts } = await fetched(host, url);
    expect(facts).toMatchObject({ status: 500, paid: [{ amount: "10 sat" }] });
    expect(facts.note).toContain("nothing was delivered");
    expect((await fetched(host, url)).facts).toEqual({
      status: 200,
      contentType: "application/json",
    });
    expect(paid().count).toBe(1);
  });

  test("explains an invalid request, and a budget that is used up", async () => {
    const { mint, openShop, paid } = await townOfToday();
    const { url } = await openShop();
    const host = await hostFor(mint({ budget: "12 sat" }));
    expect(await denied(host, "fetch", { url: "file:///etc/passwd" })).toContain(
      "http:// or https://",
    );
    expect(await denied(host, "fetch", { url: "http://127.0.0.1:1/" })).toMatch(/port|listens/);
    expect(await denied(host, "fetch", { url, method: "b d" })).toContain("method");
    const why = await denied(host, "fetch", { url });
    expect(why).toContain("ERR_BUDGET");
    expect(why).toContain("12 sat left of 12 sat");
    expect(paid().count).toBe(0);
  });
});

describe("the tools delegate, budget and receipts", () => {
  test("a sub-agent is used by its name, its spending counts above, and no credential is shown", async () => {
    const { mint, openShop, paid, spent } = await townOfToday();
    const { url } = await openShop();
    const credential = mint({ budget: "100 sat" });
    const host = await hostFor(credential);
    const made = await host.call("delegate", {
      agent: "scout",
      endpoints: [`GET ${url}/a/*`],
      budget: "15 sat",
      expiresIn: "10m",
    });
    expect(made).toMatchObject({ isError: false });
    expect((await fetched(host, `${url}/a/1`, { as: "scout" })).facts.status).toBe(200);
    expect(await denied(host, "fetch", { url: `${url}/b`, as: "scout" })).toContain("ERR_ENDPOINT");
    expect((await fetched(host, `${url}/b`)).facts.status).toBe(200);
    expect(paid().count).toBe(2);
    expect(await spent(credential)).toBe(paid().msat);
    const [scouts = ""] = (await host.call("budget", { as: "scout" })).texts;
    expect(scouts).toMatch(/scout \(active\): spent 10/);
    expect(scouts).toMatch(/At most [0-4](?:\.\d+)? sat can be spent now/);
    expect(scouts).toContain(`GET ${url}/a/*`);
    const [own = ""] = (await host.call("budget")).texts;
    expect(own).toMatch(/the root \(active\): spent 20/);
    expect(own).not.toContain("scout");
    holdsNoSecret(host.told(), credential);
    // Whatever is the text of a credential in base64 begins with the version and the location.
    expect(host.told()).not.toMatch(/AgE[A-Za-z0-9+/_-]{80}/);
  });

  test("a sub-agent can delegate further, and no delegation widens a scope", async () => {
    const { mint, openShop, paid } = await townOfToday();
    const { url } = await openShop();
    const host = await hostFor(mint());
    await host.call("delegate", { agent: "a", budget: "5 sat", maxDepth: 1 });
    const [text = ""] = (await host.call("delegate", { agent: "b", from: "a", budget: "500 sat" }))
      .texts;
    expect(text).toContain("is more than the 5 sat in all above");
    expect(await denied(host, "fetch", { url, as: "b" })).toContain("ERR_BUDGET");
    await host.call("delegate", { agent: "c", from: "b" });
    expect(await denied(host, "fetch", { url, as: "c" })).toContain("ERR_DEPTH");
    expect(paid().count).toBe(0);
  });

  test("an unknown agent, a used name and a malformed scope are refused", async () => {
    const { mint } = await townOfToday();
    const free = await site((_, response) => response.end("free"));
    const host = await hostFor(mint());
    expect(await denied(host, "fetch", { url: free.url, as: "nobody" })).toContain(
      "Unknown agent nobody",
    );
    expect(await denied(host, "budget", { as: "nobody" })).toContain("Unknown agent nobody");
    expect(free.received).toHaveLength(0);
    await host.call("delegate", { agent: "a" });
    expect(await denied(host, "delegate", { agent: "a" })).toContain(
      "with this name exists already",
    );
    expect(await denied(host, "delegate", { agent: "../b" })).toContain("agent");
    expect(await denied(host, "delegate", { agent: "b", budget: "5" })).toContain("budget");
    expect(await denied(host, "delegate", { agent: "b", buget: "5 sat" })).toContain("buget");
  });

  test("with --dir, a sub-agent's credential is in a private file that another process can use", async () => {
    const { mint, openShop, paid } = await townOfToday();
    const { url } = await openShop();
    const dir = join(folder, "delegated");
    const host = await hostFor(mint(), "sdk 1", ["--dir", dir]);
    const [text = ""] = (await host.call("delegate", { agent: "scout", budget: "15 sat" })).texts;
    const file = join(dir, "scout.credential");
    expect(text).toContain(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await sigil(["get", url, "--credential-file", file])).toMatchObject({
      code: 0,
      stdout: '{"served":1}',
    });
    expect(paid().count).toBe(1);
    expect(host.told().includes(readFileSync(file, "utf8").trim())).toBe(false);
  });

  test("receipts lists the treasury's receipts of this agent and those below, and this process's payments", async () => {
    const store = new MemoryStore();
    const signer = await ReceiptSigner.fromSeed(new Uint8Array(32).fill(7));
    const clerk = new ReceiptClerk({ book: store, signer, alarm: () => {} });
    const { mint, openShop, connect } = await townOfToday({ store, onPaid: () => clerk.wake() });
    const { url } = await openShop();
    const credential = mint();
    // A payment of another agent of the same treasury.
    await connect(mint()).get(`${url}/secret`);
    const host = await hostFor(credential);
    await host.call("delegate", { agent: "scout" });
    await fetched(host, `${url}/mine`, { as: "scout" });
    await clerk.idle();
    const [all = ""] = (await host.call("receipts")).texts;
    expect(all).toMatch(
      new RegExp(`\\n {2}2 {2}.* UTC {2}10 sat and .* GET ${url}/.* by scout\\n`),
    );
    expect(all).not.toContain("\n  1  ");
    expect(all).toMatch(new RegExp(`not signed:\\n.* 10 sat and .* ${url} {2}by scout$`));
    const [later = ""] = (await host.call("receipts", { after: 2 })).texts;
    expect(later).toContain("those below it:\n  nothing");
  });
});

test("a bare wallet pays within the default limits, also for sub-agents", async () => {
  const { network, openShop } = await townOfToday();
  const { url } = await openShop();
  const wallet = network.account("alice", { balanceMsat: 1_000_000n }).url;
  const kept = await sigil(["mcp", "--dir", join(folder, "none")], { SIGIL_WALLET: wallet });
  expect(kept).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("--dir needs a credential"),
  });
  const host = await overStdio("sdk 2", sigilArgs("mcp", "--allow-private"), {
    SIGIL_WALLET: wallet,
  });
  await fetched(host, url);
  await host.call("delegate", { agent: "scout", budget: "15 sat" });
  await fetched(host, url, { as: "scout" });
  expect(await denied(host, "fetch", { url, as: "scout" })).toContain("ERR_BUDGET");
  const [text = ""] = (await host.call("budget")).texts;
  expect(text).toMatch(/the root \(active\): spent 20/);
  expect(text).toContain("100 sat at once");
  const [own = ""] = (await host.call("receipts")).texts;
  expect(own.match(new RegExp(url, "g"))?.length).toBeGreaterThanOrEqual(2);
  const made = network
    .payments()
    .filter(({ payer, status }) => payer === "alice" && status === "paid");
  expect(made).toHaveLength(2);
});

describe("without --allow-private, fetch reaches public addresses", () => {
  const INSIDE = ["https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/"];

  test("and the credential's own treasury, wherever it is", async () => {
    const { mint } = await townOfToday();
    const inside = await site((_, response) => response.end("of the house"));
    const credential = mint({ endpoints: ["* https://*:*/**", "* http://127.0.0.1:*/**"] });
    const host = await overStdio("sdk 2", sigilArgs("mcp"), {
      SIGIL_CREDENTIAL: credential.toString(),
    });
    for (const url of [`${inside.url}/admin`, ...INSIDE])
      expect(await denied(host, "fetch", { url })).toMatch(/not public.*--allow-private/);
    expect(inside.received).toEqual([]);
    expect((await host.call("budget")).texts[0]).toContain("active");
  });

  test("and so does a wallet's", async () => {
    const { network } = await townOfToday();
    const inside = await site((_, response) => response.end("of the house"));
    const wallet = network.account("alice", { balanceMsat: 1_000_000n }).url;
    const host = await overStdio("sdk 2", sigilArgs("mcp"), { SIGIL_WALLET: wallet });
    for (const url of [`${inside.url}/admin`, ...INSIDE])
      expect(await denied(host, "fetch", { url })).toContain("not public");
    expect(inside.received).toEqual([]);
  });
});

describe("over stdio", () => {
  test("stdout has only messages, a malformed line is survived, and the server ends with its host", async () => {
    const { mint } = await townOfToday();
    const child = spawn(process.execPath, sigilArgs("mcp", "--credential-file", fileOf(mint())), {
      env: childEnv(),
    });
    child.stdin.write("this is no message\n[]\n{}\n");
    const params = {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "x", version: "1" },
    };
    child.stdin.write(
      `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`,
    );
    let printed = "";
    for await (const part of child.stdout) {
      printed += part;
      if (printed.includes('"id":1')) break;
    }
    for (const line of printed.trimEnd().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
    const closed = once(child, "close");
    child.stdin.end();
    expect(await closed).toEqual([0, null]);
  });

  test("the server says at its end which answers arrived, of each of its agents", async () => {
    const { mint, openShop, treasury } = await townOfToday();
    const { url } = await openShop();
    const host = await hostFor(mint());
    await host.call("delegate", { agent: "scout", expiresIn: "5m" });
    await fetched(host, `${url}/own`);
    await fetched(host, `${url}/scouts`, { as: "scout" });
    const statuses = async () => (await treasury.owner.payments()).map(({ status }) => status);
    expect(await statuses()).toEqual(["paid", "paid"]);
    await host.close();
    await expect.poll(statuses).toEqual(["used", "used"]);
  });

  test("the server does not start without a credential or a wallet", async () => {
    const { code, stdout, stderr } = await sigil(["mcp"]);
    expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
    expect(stderr).toContain("SIGIL_CREDENTIAL");
  });

  test.each([
    [["--allow", "x"], "--allow belongs to sigil mcp proxy."],
    [["--token-file", "x"], "--token-file belongs to --http PORT."],
    [["--credential", "-"], "--credential - cannot read stdin, which carries MCP"],
    [["--http", "x"], "--http must be a port"],
    [["--config", "emacs"], "--config must be one of claude, cursor, vscode."],
    [["serve"], "Unknown verb."],
    [["--", "x"], "Only the proxy takes a command after --"],
    [["proxy"], "Missing COMMAND."],
    [["proxy", "--http", "1", "--", "x"], "--http belongs to sigil mcp."],
    [["proxy", "--alow", "x", "--", "x"], "Unknown flag --alow. Did you mean --allow?"],
    [["proxy", "--max-calls", "x", "--", "x"], "--max-calls must be a whole number, or TOOL=N."],
    [["proxy", "--max-calls", "a=1", "--max-calls", "a=2", "--", "x"], "given twice for one tool"],
    [["proxy", "--service", "notes", "--", "x"], "Missing credential."],
    [["proxy", "--", "no-such-command-here"], "The command after -- cannot be started."],
  ])("%j is refused", async (args, why) => {
    const { code, stdout, stderr } = await sigil(["mcp", ...args]);
    expect(code === 2 || code === 6).toBe(true);
    expect(stdout).toBe("");
    expect(stderr).toContain(why);
  });
});

function fileOf(credential: Credential): string {
  const path = join(folder, `${Math.random()}.credential`);
  writeFileSync(path, `${credential}\n`, { mode: 0o600 });
  return path;
}

describe("over HTTP", () => {
  async function served(credential: Credential) {
    const tokenFile = join(folder, `${Math.random()}.token`);
    const child = spawned(
      ["mcp", "--allow-private", "--http", "0", "--token-file", tokenFile, "--json"],
      {
        SIGIL_CREDENTIAL: credential.toString(),
      },
    );
    onTestFinished(async () => {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      expect(await closed).toEqual([0, null]);
    });
    let printed = "";
    for await (const part of child.stdout) {
      printed += part;
      if (printed.endsWith("}\n")) break;
    }
    const { url } = JSON.parse(printed) as { url: string };
    return { url, tokenFile, token: readFileSync(tokenFile, "utf8").trim() };
  }

  test.each(HOSTS)("a host with %s fetches, pays and cancels", async (kind) => {
    const { mint, openShop, paid } = await townOfToday();
    const { url } = await openShop();
    const [arrived, left] = [gate(), gate()];
    const slow = await site((_, response) => {
      response.on("close", left.open);
      response.write("…");
      arrived.open();
    });
    const server = await served(mint());
    const host = await overHttp(kind, server.url, server.token);
    expect(await host.tools()).toEqual(["fetch", "budget", "delegate", "receipts"]);
    expect((await fetched(host, url)).facts.status).toBe(200);
    expect(paid().count).toBe(1);
    const abort = new AbortController();
    const failed = expect(
      host.call("fetch", { url: slow.url }, { signal: abort.signal }),
    ).rejects.toThrow();
    await arrived.opened;
    abort.abort();
    await failed;
    await left.opened;
  });

  test("a request without the token, from a page or with a rebound name is refused", async () => {
    const { mint } = await townOfToday();
    const { url, token, tokenFile } = await served(mint());
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    const { port } = new URL(url);
    const own = { authorization: `Bearer ${token}`, accept: "application/json, text/event-stream" };
    const initialize = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { name: "x", version: "1" },
      },
    });
    /** By hand: `fetch` does not let a Host be given. */
    const status = (headers: Record<string, string>, path = "/mcp") =>
      new Promise<number | undefined>((resolve, reject) => {
        httpRequest(
          {
            host: "127.0.0.1",
            port,
            path,
            method: "POST",
            headers: { "content-type": "application/json", ...headers },
          },
          (answer) => {
            answer.resume();
            resolve(answer.statusCode);
          },
        )
          .once("error", reject)
          .end(initialize);
      });
    expect(await status(own)).toBe(200);
    expect(await status({ ...own, authorization: "" })).toBe(401);
    expect(await status({ ...own, authorization: `Bearer ${token.slice(1)}` })).toBe(401);
    expect(await status({ ...own, authorization: `Bearer ${token}0` })).toBe(401);
    expect(await status({ ...own, host: `evil.example:${port}` })).toBe(403);
    expect(await status({ ...own, origin: "https://evil.example" })).toBe(403);
    expect(await status({ ...own, origin: "null" })).toBe(403);
    expect(await status(own, "/other")).toBe(404);
    expect(await status({ ...own, "mcp-session-id": "made up" })).toBe(404);
  });

  test("no port is opened without a token, and a weak or readable token is refused", async () => {
    const { mint } = await townOfToday();
    const env = { SIGIL_CREDENTIAL: mint().toString() };
    const run = (args: readonly string[], more: Record<string, string> = {}) =>
      sigil(["mcp", "--http", "0", ...args], { ...env, ...more });
    expect(await run([])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("needs a bearer token"),
    });
    const weak = await run([], { SIGIL_MCP_TOKEN: "hunter2hunter2" });
    expect(weak).toMatchObject({ code: 2, stderr: expect.stringContaining("32 characters") });
    expect(weak.stderr).not.toContain("hunter2");
    const shared = join(folder, "shared.token");
    writeFileSync(shared, "a".repeat(64), { mode: 0o644 });
    expect(await run(["--token-file", shared])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("can be read by others"),
    });
  });
});

/**
 * The shapes that each host documents: code.claude.com/docs/en/mcp, cursor.com/docs/mcp,
 * code.visualstudio.com's MCP configuration reference.
 */
describe("--config", () => {
  const variable = (name: string) => `$\{${name}}`;
  test.each([
    [
      "claude",
      [],
      {
        mcpServers: {
          sigil: {
            type: "stdio",
            command: "sigil",
            args: ["mcp"],
            env: { SIGIL_CREDENTIAL: variable("SIGIL_CREDENTIAL") },
          },
        },
      },
    ],
    [
      "cursor",
      [],
      {
        mcpServers: {
          sigil: {
            command: "sigil",
            args: ["mcp"],
            env: { SIGIL_CREDENTIAL: variable("env:SIGIL_CREDENTIAL") },
          },
        },
      },
    ],
    [
      "vscode",
      [],
      {
        servers: {
          sigil: {
            type: "stdio",
            command: "sigil",
            args: ["mcp"],
            env: { SIGIL_CREDENTIAL: variable("env:SIGIL_CREDENTIAL") },
          },
        },
      },
    ],
    [
      "claude",
      ["--http", "8410"],
      {
        mcpServers: {
          sigil: {
            type: "http",
            url: "http://127.0.0.1:8410/mcp",
            headers: { Authorization: `Bearer ${variable("SIGIL_MCP_TOKEN")}` },
          },
        },
      },
    ],
    [
      "cursor",
      ["--http", "8410"],
      {
        mcpServers: {
          sigil: {
            url: "http://127.0.0.1:8410/mcp",
            headers: { Authorization: `Bearer ${variable("env:SIGIL_MCP_TOKEN")}` },
          },
        },
      },
    ],
    [
      "vscode",
      ["--http", "8410"],
      {
        servers: {
          sigil: {
            type: "http",
            url: "http://127.0.0.1:8410/mcp",
            headers: { Authorization: `Bearer ${variable("env:SIGIL_MCP_TOKEN")}` },
          },
        },
      },
    ],
  ])("%s %j is what its file wants, without the credential", async (host, args, config) => {
    const { mint } = await townOfToday();
    const credential = mint();
    const { code, stdout, stderr } = await sigil(["mcp", "--config", host, ...args], {
      SIGIL_CREDENTIAL: credential.toString(),
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(config);
    holdsNoSecret(stdout + stderr, credential);
  });

  test("names the credential's file by its absolute path, and the command in it starts", async () => {
    const { mint } = await townOfToday();
    const credential = mint();
    const file = fileOf(credential);
    const { stdout } = await sigil(["mcp", "--config", "cursor", "--credential-file", file]);
    const { args } = JSON.parse(stdout).mcpServers.sigil as { args: string[] };
    expect(args).toEqual(["mcp", "--credential-file", file]);
    const host = await overStdio("sdk 1", sigilArgs(...args));
    expect(await host.tools()).toContain("fetch");
    holdsNoSecret(stdout, credential);
    const typed = await sigil([
      "mcp",
      "--config",
      "cursor",
      "--credential-file",
      credential.toString(),
    ]);
    expect(typed.code).toBe(2);
    holdsNoSecret(typed.stdout + typed.stderr, credential);
  });
});
