/** `sigil gateway` as a process: its keys, its books after a crash, its end, and its refusals. */
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "./support/free-port.ts";
import {
  answers,
  chat,
  completion,
  leftOf,
  openGateway,
  openVendor,
  refusedGateway,
  VENDOR_KEY,
} from "./support/gateway.ts";
import { ended, sigil, spawned } from "./support/sigil.ts";

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sigil-gateway-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function stage() {
  const folder = emptyFolder();
  const vendor = await openVendor();
  const dir = join(folder, "books");
  const flags = [
    ...["--preset", "openai", "--upstream", vendor.origin],
    ...["--dir", dir, "--port", String(await freePort())],
  ];
  return {
    folder,
    dir,
    vendor,
    flags,
    start: (...more: string[]) => openGateway([...flags, ...more]),
  };
}

describe("a key that the gateway prints", () => {
  test("buys an answer after one command in an empty folder", async () => {
    const vendor = await openVendor();
    const dir = join(emptyFolder(), "books");
    const port = String(await freePort());
    // As a person starts it, who reads two lines and copies them.
    const child = spawned(
      ["gateway", "--preset", "openai", "--upstream", vendor.origin, "--dir", dir, "--port", port],
      { OPENAI_API_KEY: VENDOR_KEY },
    );
    const end = ended(child);
    let text = "";
    child.stdout.on("data", (part) => (text += part));
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(/OPENAI_API_KEY=.*\n/);
    const said = (name: string) => new RegExp(`${name}=(\\S+)`).exec(text)![1]!;
    const response = await fetch(`${said("OPENAI_BASE_URL")}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${said("OPENAI_API_KEY")}` },
      body: JSON.stringify({ model: "gpt-4.1", messages: [{ role: "user", content: "hi" }] }),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ object: "chat.completion" });
    // gpt-4.1: 2 usd for a million tokens of input, 8 usd for a million of output.
    expect(response.headers.get("sigil-budget")).toMatch(
      /^cost="0.0028 usd", left=\("4.9972 usd";of="5 usd";per=86400;resets=@\d{10}\)$/,
    );
    expect(vendor.seen).toMatchObject([{ authorization: `Bearer ${VENDOR_KEY}` }]);
    child.kill("SIGTERM");
    expect(await end).toMatchObject({ code: 0 });
    for (const file of readdirSync(dir))
      expect(statSync(join(dir, file)).mode & 0o077, file).toBe(0);
  });

  test("is printed for a vendor that takes none as well", async () => {
    const dir = join(emptyFolder(), "books");
    const port = String(await freePort());
    const child = spawned(["gateway", "--preset", "ollama", "--dir", dir, "--port", port], {});
    const end = ended(child);
    let text = "";
    child.stdout.on("data", (part) => (text += part));
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(/AGENT_API_KEY=sk-sigil-\S+\n/);
    child.kill("SIGTERM");
    expect(await end).toMatchObject({ code: 0 });
  });

  test("is the same after a restart, with what it has spent, and another for another budget", async () => {
    const { start } = await stage();
    const first = await start();
    await chat(first, first.key);
    const before = await leftOf(first, first.key);
    expect(await first.end("SIGTERM")).toBe(0);
    const second = await start();
    expect(second.key).toBe(first.key);
    expect(await leftOf(second, second.key)).toEqual(before);
    expect(before).toMatchObject([{ used: "0.0028 usd", limit: "5 usd", seconds: 86_400 }]);
    expect((await chat(second, first.key)).status).toBe(200);
    await second.end("SIGTERM");
    const third = await start("--budget", "1 usd/hour");
    expect(third.key).not.toBe(first.key);
    expect(await leftOf(third, third.key)).toMatchObject([
      { limit: "1 usd", used: "0 usd", seconds: 3600 },
    ]);
    // What was handed out before still counts where it did.
    expect(await leftOf(third, first.key)).toMatchObject([{ used: "0.0056 usd" }]);
  });

  test("gives a helper a key by `sigil delegate --key-form`, whose spend has its name", async () => {
    const { start } = await stage();
    const gateway = await start();
    const made = await sigil(
      ["delegate", "--key-form", "--agent", "scout", "--budget", "0.01 usd"],
      { SIGIL_CREDENTIAL: gateway.key },
    );
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const scout = made.stdout.trim();
    expect(scout).toMatch(/^sk-sigil-[\w-]+$/);
    expect((await chat(gateway, scout)).status).toBe(200);
    await expect
      .poll(() => gateway.settled())
      .toMatchObject([
        { lineage: ["scout"], model: "gpt-4.1", spentUsdMicro: "2800", isEstimated: false },
      ]);
    expect(await leftOf(gateway, scout)).toMatchObject([
      { limit: "5 usd", used: "0.0028 usd" },
      { agent: "scout", limit: "0.01 usd", left: "0.0072 usd" },
    ]);
    const refused = await chat(gateway, scout, { max_tokens: 700 });
    const { error } = (await refused.json()) as { error: { code: string; message: string } };
    expect([refused.status, error.code]).toEqual([402, "budget_exhausted"]);
    expect(error.message).toContain("(set for agent scout): you have 0.0072 usd left of 0.01 usd");
    expect((await chat(gateway, gateway.key)).status).toBe(200);
  });
});

const chunk = (content: string): string =>
  `data: ${JSON.stringify({ id: "1", model: "gpt-4.1", choices: [{ index: 0, delta: { content } }] })}\n\n`;
const LAST = `data: ${JSON.stringify({
  id: "1",
  model: "gpt-4.1",
  choices: [],
  usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
})}\n\ndata: [DONE]\n\n`;

const microOf = (text: string): number => Math.round(Number.parseFloat(text) * 1e6);

describe("a gateway that is killed with SIGKILL", () => {
  test.each([
    ["before the vendor answers", false],
    ["inside of a stream", true],
  ])("%s has spent what it had reserved once it starts again", async (_when, isStream) => {
    const { start, vendor } = await stage();
    const first = await start();
    const made = await sigil(["delegate", "--key-form", "--agent", "scout"], {
      SIGIL_CREDENTIAL: first.key,
    });
    const scout = made.stdout.trim();
    vendor.play((_request, answer) => {
      if (isStream)
        answer.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("Hello"));
    });
    const lost = chat(first, scout, { stream: isStream, max_tokens: 1000 }).then(
      async (response) => {
        const reader = response.body!.getReader();
        await reader.read();
        return reader;
      },
    );
    if (isStream) await lost;
    await expect.poll(() => vendor.seen.length).toBe(1);
    const [open] = await leftOf(first, first.key);
    expect(open!.used).toBe(open!.reserved);
    // 1,000 tokens of output at 8 usd for a million, and the input.
    expect(microOf(open!.reserved)).toBeGreaterThan(8000);
    const broken = expect(lost.then((reader) => reader.read())).rejects.toThrow();
    expect(await first.end("SIGKILL")).toBeNull();
    await broken;
    const second = await start();
    expect(await leftOf(second, scout)).toMatchObject([
      { used: open!.reserved, reserved: "0 usd" },
    ]);
    vendor.play(answers(completion(1000, 100)));
    expect((await chat(second, scout)).status).toBe(200);
    const [after] = await leftOf(second, first.key);
    expect(microOf(after!.used)).toBe(microOf(open!.reserved) + 2800);
    expect(after!.reserved).toBe("0 usd");
  });
});

test("SIGTERM lets a stream end and books it, and takes no more requests", async () => {
  const { start, vendor } = await stage();
  const gateway = await start();
  const streams: ServerResponse[] = [];
  vendor.play((_request, answer) => {
    streams.push(answer);
    answer.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("Hel"));
  });
  const response = await chat(gateway, gateway.key, {
    stream: true,
    stream_options: { include_usage: true },
  });
  const end = gateway.end("SIGTERM");
  await expect.poll(() => gateway.printed()).toContain("stopping");
  await expect(chat(gateway, gateway.key)).rejects.toThrow("fetch failed");
  expect(gateway.child.exitCode).toBeNull();
  streams[0]!.end(chunk("lo") + LAST);
  const text = await response.text();
  expect(text.startsWith(chunk("Hel") + chunk("lo") + LAST)).toBe(true);
  expect(text).toContain('cost="0.0028 usd"');
  expect(await end).toBe(0);
  expect(gateway.settled()).toMatchObject([{ end: "answered", spentUsdMicro: "2800" }]);
});

describe("flags that it cannot start with", () => {
  const openai = ["--preset", "openai"];

  test.each([
    [
      "no preset",
      [],
      /Missing --preset NAME, or --config FILE. A preset is one of openai, .*stripe/,
    ],
    ["a preset that there is not", ["--preset", "opena1"], /--preset must be one of openai, /],
    [
      "no key of the vendor",
      ["--preset", "anthropic"],
      /Missing the key of anthropic: set ANTHROPIC_API_KEY, or give --key file:\/path/,
    ],
    [
      "a key in the place of a reference",
      [...openai, "--key", VENDOR_KEY],
      /env:NAME, file:\/path/,
    ],
    [
      "a variable that is not set",
      [...openai, "--key", "env:NO_SUCH"],
      /variable NO_SUCH is not set/,
    ],
    [
      "files that are no certificate",
      [...openai, "--tls-cert", import.meta.filename, "--tls-key", import.meta.filename],
      /a certificate and its private key in PEM/,
    ],
    ["an address of another machine", [...openai, "--host", "192.0.2.1"], /the address of --host/],
    ["a secret that is none", [...openai, "--secret", "env:OPENAI_API_KEY"], /64 hex digits/],
    ["a budget without a unit", [...openai, "--budget", "5"], /--budget must be an amount in US/],
    ["a budget in sat", [...openai, "--budget", "500 sat"], /"5 usd\/day"/],
    ["a budget of a week", [...openai, "--budget", "5 usd/week"], /"50 usd\/month"/],
    ["two budgets of a day", [...openai, "--budget", "1 usd/day", "--budget", "2 usd/day"], /two/],
    [
      "a port that is none",
      [...openai, "--port", "http"],
      /--port must be a number from 1 to 65535/,
    ],
    [
      "an upstream with a path",
      [...openai, "--upstream", "http://127.0.0.1:1/v1"],
      /without a path/,
    ],
    [
      "no upstream for a preset without one",
      ["--preset", "generic", "--key", "env:OPENAI_API_KEY"],
      /needs --upstream URL/,
    ],
    [
      "a price file that is not there",
      [...openai, "--prices", "none.yaml"],
      /--prices cannot be read/,
    ],
    ["a certificate without its key", [...openai, "--tls-cert", "c.pem"], /go together/],
  ] as const)("are refused with what to do: %s", async (_what, flags, expected) => {
    const dir = join(emptyFolder(), "books");
    const { code, stdout, stderr } = await refusedGateway([...flags, "--dir", dir]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(expected);
    expect(stderr).not.toContain("CANARY");
    // Nothing is left of a start that failed.
    expect(existsSync(dir)).toBe(false);
  });

  test.each(["--port", "--metrics-port"])(
    "are refused: a port of %s that is in use",
    async (flag) => {
      const other = createServer().listen(0, "127.0.0.1");
      await once(other, "listening");
      onTestFinished(() => void other.close());
      const port = String((other.address() as AddressInfo).port);
      const dir = join(emptyFolder(), "books");
      const { code, stderr } = await refusedGateway([
        ...[...openai, "--dir", dir, flag, port],
        ...(flag === "--port" ? [] : ["--port", String(await freePort())]),
      ]);
      expect(code).toBe(2);
      expect(stderr).toMatch(new RegExp(`Port ${port} .*in use. Give another one`));
      expect(existsSync(dir)).toBe(false);
    },
  );
});

test.each(["env", "file"])(
  "the vendor's key, from %s:, is in no answer, log, error or file",
  async (from) => {
    const { folder, dir, vendor, flags } = await stage();
    const keyFile = join(folder, "vendor.key");
    writeFileSync(keyFile, `${VENDOR_KEY}\n`, { mode: 0o600 });
    const gateway = await openGateway(
      [...flags, "--log-level", "trace", ...(from === "file" ? ["--key", `file:${keyFile}`] : [])],
      from === "file" ? {} : { OPENAI_API_KEY: VENDOR_KEY },
    );
    const said: string[] = [];
    const hear = async (sent: Promise<Response>): Promise<void> => {
      try {
        const response = await sent;
        said.push(JSON.stringify([...response.headers]), await response.text());
      } catch (error) {
        said.push(String(error), String((error as Error).cause));
      }
    };
    await hear(chat(gateway, gateway.key));
    // OpenAI shows a part of a key that it refuses.
    for (const status of [401, 403]) {
      const body = JSON.stringify({ error: { message: `Incorrect API key: ${VENDOR_KEY}` } });
      vendor.play(answers(body, status));
      await hear(chat(gateway, gateway.key));
      await hear(chat(gateway, gateway.key, { stream: true }));
      await hear(
        fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${gateway.key}` } }),
      );
    }
    vendor.play((_request, answer) => answer.destroy());
    await hear(chat(gateway, gateway.key));
    vendor.play((_request, answer) => {
      answer.writeHead(200, { "content-type": "text/event-stream" }).write(chunk("Hello"));
      answer.destroy();
    });
    await hear(chat(gateway, gateway.key, { stream: true }));
    await hear(chat(gateway, gateway.key, { model: "no-such" }));
    await hear(chat(gateway, VENDOR_KEY));
    await hear(fetch(`${gateway.url}/v1/files`));
    await gateway.end("SIGTERM");
    expect(vendor.seen.every(({ authorization }) => authorization === `Bearer ${VENDOR_KEY}`)).toBe(
      true,
    );
    expect(vendor.seen.length).toBeGreaterThanOrEqual(9);
    const files = readdirSync(dir).map((file) => readFileSync(join(dir, file), "latin1"));
    for (const text of [...said, ...files, gateway.printed()]) {
      expect(text).not.toContain("CANARY");
      // Nor as bytes that are written otherwise.
      expect(text).not.toContain(Buffer.from(VENDOR_KEY).toString("base64").slice(0, 30));
      expect(text).not.toContain(Buffer.from(VENDOR_KEY).toString("hex"));
    }
    expect(said.length).toBeGreaterThan(20);
  },
);
