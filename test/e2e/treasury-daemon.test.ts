/**
 * The treasury as a process: from `init` to a restart, and all reasons not to start. The dev
 * network's payments decide.
 */
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Credential } from "l8nt";
import { paid as paidListener, wellKnown } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";
import { devWallet } from "l8nt/wallets/dev";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { freePort } from "./support/free-port.ts";
import { daemon, type Ended, sigil } from "./support/sigil.ts";

const SECRET = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

async function stage(flags: readonly string[] = ["--budget", "100 sat"]) {
  const folder = mkdtempSync(join(tmpdir(), "sigil-daemon-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dir = join(folder, "treasury");
  const location = `http://127.0.0.1:${await freePort()}`;
  const made = await sigil(["treasury", "init", "--dir", dir, "--location", location, ...flags]);
  expect(made).toMatchObject({ code: 0 });
  const net = await DevNetwork.start({});
  onTestFinished(() => net.stop());
  const wallet = net.account("treasury", { balanceMsat: 1_000_000_000n }).url;
  net.account("shop", { balanceMsat: 0n });
  const url = await listen((own) => {
    const paywall = new Paywall({
      secret: SECRET,
      location: own,
      invoicer: devWallet(net.account("shop").invoiceOnlyUrl),
    });
    const terms = { price: "10 sat", grants: { validFor: "1h", endpoints: ["GET /**"] } } as const;
    return wellKnown(
      paywall,
      paidListener(paywall, terms, (_request, response) => void response.end("sunny")),
    );
  });
  const agent = Credential.parse(readFileSync(join(dir, "agent.credential"), "utf8").trim());
  return { dir, location, made, net, wallet, url, agent };
}

test("init with a cap in dollars and no budget in them keeps the usual cap in bitcoin", async () => {
  const { agent } = await stage(["--max-price", "5 usd"]);
  const texts = agent.caveats.map(({ condition, value }) => `${condition}=${value}`);
  expect(texts).toEqual(expect.arrayContaining(["max_price_msat=100000", "max_price_usd_micro=0"]));
});

test("after init, start, purchases and a revocation, a restart finds everything as it was", async () => {
  const { dir, made, net, wallet, url, agent } = await stage();
  for (const file of readdirSync(dir)) expect(statSync(join(dir, file)).mode & 0o077, file).toBe(0);
  expect(made.stdout).not.toContain(agent.toString().slice(0, 60));

  const first = await daemon(dir, wallet);
  const scout = agent.delegate({ agent: "scout", budget: "50 sat" });
  const client = new Client({ credential: scout });
  expect(await (await client.get(`${url}/a`)).text()).toBe("sunny");
  const tree = await sigil(["tree", "--dir", dir]);
  expect(tree.stdout).toMatch(/root +● active +spent 10\.01 of 100 sat/);
  expect(tree.stdout).toMatch(/scout +● active +spent 10\.01 of 50 sat/);
  expect((await sigil(["payments", "--dir", dir])).stdout).toMatch(
    /paid +10\.01 sat +GET http.*\/a +scout/,
  );
  const wide = await sigil(["payments", "--dir", dir], {}, { isTerminal: true });
  expect(wide.stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(wide.stdout).toMatch(/\n {2}[0-9a-f]{64}\n/);
  const health = ["treasury", "health", "--dir", dir];
  expect(await sigil(health)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^spending +yes$/m),
  });
  expect((await sigil(["reopen", url, "--dir", dir])).code).toBe(0);
  expect(await sigil(["reopen", "https://never.example", "--dir", dir])).toMatchObject({
    stdout: "",
    stderr: expect.stringContaining("has never paid https://never.example"),
  });
  expect((await sigil(["freeze", "--dir", dir, "--reason", "lunch"])).code).toBe(0);
  const stopped = await sigil([...health, "--json"]);
  expect(stopped.code).toBe(1);
  expect(JSON.parse(stopped.stdout)).toMatchObject({ spending: false, reason: "lunch" });
  const buyer = new Client({ credential: agent.delegate({ agent: "buyer" }) });
  await expect(buyer.get(`${url}/b`)).rejects.toMatchObject({ code: "ERR_FROZEN" });
  expect((await sigil(["thaw", "--dir", dir])).code).toBe(0);
  expect((await sigil(["revoke", "scout", "--dir", dir])).stdout).toMatch(
    /^Revoked [0-9a-f]{32}, and everything below it\.\n1 service confirmed it\.\n$/,
  );
  await expect(new Client({ credential: scout }).get(`${url}/a`)).rejects.toMatchObject({
    code: "ERR_REVOKED",
  });
  expect((await sigil(["journal", "--dir", dir])).stdout).toMatch(/freeze \*: lunch[\s\S]*revoke/);
  expect((await sigil(["receipts", "list", "--dir", dir])).stdout).toMatch(
    /10\.01 sat +GET .* scout/,
  );
  const feed = (await (
    await fetch(`${first.ready.listening}/.well-known/l402/revocations?after=0`)
  ).json()) as { entries: unknown[] };
  expect(feed.entries).toHaveLength(1);
  expect(await first.stop()).toBe(0);

  const second = await daemon(dir, wallet);
  expect(second.ready.receiptKey).toBe(first.ready.receiptKey);
  await expect(new Client({ credential: scout }).get(`${url}/a`)).rejects.toMatchObject({
    code: "ERR_REVOKED",
  });
  expect(await (await buyer.get(`${url}/c`)).text()).toBe("sunny");
  expect(
    await (
      await new Client({ credential: agent.delegate({ agent: "late" }) }).get(`${url}/d`)
    ).text(),
  ).toBe("sunny");
  // Scout's purchase was scout's own; buyer's is buyer's; each paid once.
  expect(net.payments().filter(({ status }) => status === "paid")).toHaveLength(3);
  const spent = (await client.standing().catch(() => [])) as unknown;
  expect(spent).toEqual([]);
  expect(await second.stop()).toBe(0);

  expect((await sigil(["ledger", "verify", "--dir", dir])).stdout).toMatch(
    /^The books are right: .* 0 reservations open/,
  );
  const exported = await sigil(["receipts", "export", "--dir", dir]);
  const file = join(dir, "receipts.jsonl");
  writeFileSync(file, exported.stdout);
  const verify = ["receipts", "verify", file, "--public-key", first.ready.receiptKey];
  expect(await sigil(verify)).toMatchObject({ code: 0, stdout: expect.stringContaining("3") });
  writeFileSync(file, exported.stdout.replace('"value":"10000"', '"value":"9000"'));
  expect(await sigil(verify)).toMatchObject({ code: 1 });

  // Nothing that it said could be spent: no macaroon, no preimage, no key, no wallet.
  const key = readFileSync(join(dir, "key"), "utf8").trim();
  const said = first.printed() + second.printed() + tree.stdout;
  expect(
    said.includes(key) ||
      /AgE[A-Za-z0-9+/]{20}/.test(said) ||
      said.includes(wallet.split("key=")[1]!),
  ).toBe(false);
  for (const line of first
    .printed()
    .split("\n")
    .filter((text) => text.startsWith('{"level"')))
    expect(JSON.parse(line)).toHaveProperty("msg");
}, 60_000);

test("a payment under way ends before the treasury exits, and is in the books [case 82]", async () => {
  const { dir, net, wallet, url, agent } = await stage();
  const running = await daemon(dir, wallet);
  net.fault({ kind: "slow", delayMs: 800 });
  const buying = new Client({ credential: agent }).get(`${url}/a`).then(
    (response) => response.status,
    (error: { code?: string }) => error.code,
  );
  await expect.poll(() => net.payments().length).toBe(1);
  expect(await running.stop()).toBe(0);
  await buying;
  const again = await daemon(dir, wallet);
  expect((await sigil(["payments", "--dir", dir, "--status", "open"])).stdout).toBe("None.\n");
  expect(await (await new Client({ credential: agent }).get(`${url}/a`)).text()).toBe("sunny");
  expect(net.payments()).toHaveLength(1);
  await again.stop();
}, 60_000);

test("a stop breaks off relayed streams before it waits, writes nothing once the books are closed, and exits with 0", async () => {
  const { dir, net, wallet, agent } = await stage();
  const url = await listen((own) => {
    const invoicer = devWallet(net.account("shop").invoiceOnlyUrl);
    const paywall = new Paywall({ secret: SECRET, location: own, invoicer });
    const stream: RequestListener = (_request, response) => void response.write("first");
    const sold = paidListener(paywall, { price: "10 sat" }, stream);
    return wellKnown(paywall, (request, response) =>
      (request.url === "/free" ? stream : sold)(request, response),
    );
  });
  const running = await daemon(dir, wallet);
  // Under a limit of uses an answer is always relayed, and its end is written down.
  const kid = agent.delegate({ agent: "kid", maxUses: 5 });
  const relayed = async (path: string) => {
    const response = await fetch(`${running.ready.listening}/v1/purchases`, {
      method: "POST",
      headers: { authorization: `L402 ${kid}`, "content-type": "application/json" },
      body: JSON.stringify({ id: crypto.randomUUID(), method: "GET", url: url + path }),
    });
    expect(response.headers.get("sigil-relayed")).toBe("1");
    const reader = response.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("first");
    return { next: reader.read() };
  };
  const streams = await Promise.all(["/free", "/paid"].map(relayed));
  const ends = Promise.allSettled(streams.map(({ next }) => next));
  const stopped = running.stop();
  expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  // They were not what the stop waited for.
  expect(running.printed()).not.toContain('"stopped"');
  expect(await stopped).toBe(0);
  expect(running.printed()).not.toContain("could not be");
  expect(running.printed().trim().split("\n").at(-1)).toContain('"stopped"');
}, 60_000);

test("a wallet that answers nonsense leaves the payment open, and payments shows it as open [case 75]", async () => {
  const { dir, net, wallet, url, agent } = await stage();
  const running = await daemon(dir, wallet);
  net.fault({ kind: "half-json" });
  await expect(new Client({ credential: agent }).get(`${url}/a`)).rejects.toMatchObject({
    code: "ERR_PAYMENT_UNKNOWN",
    spent: "unknown",
  });
  expect((await sigil(["payments", "--dir", dir, "--status", "open"])).stdout).toContain("/a");
  expect((await sigil(["tree", "--dir", dir])).stdout).toMatch(/spent 13 of 100 sat/);
  await running.stop();
}, 60_000);

test("--socket serves on a Unix socket that only this user can open", async () => {
  const { dir, wallet } = await stage();
  const socket = join(dir, "socket");
  const running = await daemon(dir, wallet, ["--socket", socket]);
  expect(statSync(socket).mode & 0o077).toBe(0);
  expect(await sigil(["tree", "--dir", dir, "--socket", socket])).toMatchObject({ code: 0 });
  // The owner has a socket of its own in the folder.
  expect(await sigil(["tree", "--dir", dir])).toMatchObject({ code: 0 });
  expect(await running.stop()).toBe(0);
}, 60_000);

test("a treasury waits for an unreachable wallet, pays nothing meanwhile, and then finds open payments [cases 59, 75]", async () => {
  const { dir, net, wallet, url, agent } = await stage();
  const first = await daemon(dir, wallet);
  net.fault({ kind: "half-json" });
  const client = new Client({ credential: agent });
  await expect(client.get(`${url}/a`)).rejects.toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
  expect(await first.stop()).toBe(0);

  await net.down();
  const second = await daemon(dir, wallet);
  expect(second.printed()).toContain("nothing is paid until the wallet answers");
  const open = ["payments", "--dir", dir, "--status", "open"];
  expect((await sigil(open)).stdout).toContain("/a");
  expect((await sigil(["tree", "--dir", dir])).stdout).toContain("root");
  await net.up();
  // The daemon asks the wallet by itself.
  await expect.poll(async () => (await sigil(open)).stdout, { timeout: 20_000 }).toBe("None.\n");
  expect(await (await client.get(`${url}/a`)).text()).toBe("sunny");
  expect(net.payments()).toHaveLength(1);
  expect(await (await client.get(`${url}/b`)).text()).toBe("sunny");
  expect(await second.stop()).toBe(0);
}, 60_000);

test("a treasury with an unreachable wallet stops at once on a signal", async () => {
  const { dir, net, wallet } = await stage();
  await net.down();
  const running = await daemon(dir, wallet);
  expect(await running.stop()).toBe(0);
}, 60_000);

test("a treasury that cannot start says why in one line", async () => {
  const { dir, net, wallet } = await stage();
  const start = (
    env: Record<string, string> = { SIGIL_WALLET: wallet },
    more: readonly string[] = [],
  ) => sigil(["treasury", "start", "--dir", dir, ...more], env);
  const refused = async (run: Promise<Ended>, why: RegExp) => {
    const { code, stderr, stdout } = await run;
    expect(stderr).toMatch(why);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBeGreaterThan(0);
    expect(stdout).toBe("");
  };
  const [config, key] = [join(dir, "config.json"), join(dir, "key")];
  const [configText, keyText] = [readFileSync(config, "utf8"), readFileSync(key, "utf8")];

  await refused(sigil(["treasury", "init", "--dir", dir]), /already/);
  await refused(sigil(["treasury", "start", "--dir", join(dir, "nowhere")]), /does not exist/);
  await refused(start({}), /SIGIL_WALLET/);
  await refused(
    start({ SIGIL_WALLET: "dev+http://127.0.0.1:1?key=ab" }),
    /does not name an account/,
  );
  await refused(
    start({ SIGIL_WALLET: net.account("treasury").invoiceOnlyUrl }),
    /may not pay\. Give the URL a cred/,
  );
  await refused(
    start({ SIGIL_WALLET: wallet.replace(/key=.*/, "key=ab") }),
    /refused \(HTTP 401\)/,
  );
  await refused(
    start({ SIGIL_WALLET: wallet, SIGIL_TREASURY_KEY: "ab".repeat(32) }),
    /key belongs to another treasury/,
  );
  await refused(start({ SIGIL_WALLET: wallet, SIGIL_TREASURY_KEY: "short" }), /64 hex/);
  writeFileSync(config, configText.replace("maxFirstPayment", "maxFristPayment"));
  await refused(start(), /unknown key "maxFristPayment"; did you mean "maxFirstPayment"/);
  writeFileSync(config, "{");
  await refused(start(), /not JSON/);
  writeFileSync(config, configText);
  chmodSync(key, 0o644);
  await refused(start(), /read by others\. Run chmod 600/);
  chmodSync(key, 0o600);
  rmSync(key);
  await refused(start(), /does not exist/);
  const elsewhere = join(dir, "elsewhere");
  writeFileSync(elsewhere, keyText, { mode: 0o600 });
  symlinkSync(elsewhere, key);
  await refused(start(), /symbolic link/);
  rmSync(key);
  writeFileSync(key, keyText, { mode: 0o600 });
  chmodSync(dir, 0o755);
  await refused(start(), /read by others\. Run chmod 700/);
  chmodSync(dir, 0o700);

  const running = await daemon(dir, wallet);
  await refused(start(), /process \d+ has it open/);
  expect(await running.stop()).toBe(0);
  for (const end of ["-wal", "-shm"]) rmSync(join(dir, `treasury.db${end}`), { force: true });
  writeFileSync(join(dir, "treasury.db"), "no database at all, ".repeat(500));
  await refused(start(), /no SQLite database|damaged/);
}, 60_000);
