/** `sigil doctor` against the dev network, and the secrecy of wallet URLs in all commands. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { type DevAccount, DevNetwork } from "l8nt/testing";
import { devWallet } from "l8nt/wallets/dev";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "./support/free-port.ts";
import { sigil } from "./support/sigil.ts";

const folder = mkdtempSync(join(tmpdir(), "sigil-doctor-"));

const SECRET = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
const paidPayments = () => net.payments().filter(({ status }) => status === "paid").length;
const time = { ahead: 0 };
let net: DevNetwork;
let rich: DevAccount;
let poor: DevAccount;

beforeAll(async () => {
  net = await DevNetwork.start({ clock: () => Date.now() / 1000 + time.ahead });
  rich = net.account("rich", { balanceMsat: 10_000_000n });
  poor = net.account("poor", { balanceMsat: 0n });
});

afterAll(async () => {
  await net.stop();
  rmSync(folder, { recursive: true });
});

interface Told {
  readonly ok: boolean;
  readonly findings: readonly {
    readonly point: string;
    readonly state: string;
    readonly found: string;
    readonly advice?: string;
  }[];
}

async function doctor(wallet: string, args: readonly string[] = []) {
  const { code, stdout, stderr } = await sigil(["doctor", "--json", ...args], {
    SIGIL_WALLET: wallet,
  });
  expect(stderr).toBe("");
  const { ok, findings } = JSON.parse(stdout) as Told;
  expect(ok).toBe(code === 0);
  for (const { state, advice } of findings) expect(advice === undefined).toBe(state === "ok");
  return { code, states: findings.map(({ point, state }) => `${point} ${state}`), findings };
}

describe("an account that pays, and an account that only makes invoices", () => {
  test("prints one line for each point with its state as a word, and pays nothing", async () => {
    const { code, stdout, stderr } = await sigil(["doctor", "--for", "treasury"], {
      SIGIL_WALLET: rich.url,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`\
ok       url         the URL is well-formed
ok       reach       the wallet answers
ok       access      the dev network of l8nt accepts the credential
ok       network     bcrt (regtest): play money
ok       clock       within 5 s of this machine's clock
ok       pays        the credential may pay
ok       finds       the wallet knows whether it made a payment
ok       spendable   10,000 sat can be spent
ok       preimages   the wallet returns the preimages of its payments
ok       lists       the wallet lists its payments, so the books can be compared with it
`);
    const failing = await sigil(["doctor", "--for", "treasury"], { SIGIL_WALLET: poor.url });
    expect(failing.code).toBe(7);
    expect(failing.stdout).toContain(`\
failing  spendable   0 sat can be spent
                     Add money to the wallet, or open a channel from its node.
`);
    expect(net.payments()).toEqual([]);
  });

  test("each account fits the uses that its rights allow", async () => {
    const whole = await doctor(rich.url);
    expect(whole.code).toBe(0);
    expect(whole.findings.at(-1)).toMatchObject({
      point: "fit",
      found: expect.stringMatching(/^for a treasury; for a service too/),
    });
    const narrow = await doctor(rich.invoiceOnlyUrl);
    expect(narrow.code).toBe(0);
    expect(narrow.findings.at(-1)).toMatchObject({
      point: "fit",
      found: "for a service: it cannot pay",
    });
    expect(await doctor(rich.invoiceOnlyUrl, ["--for", "treasury"])).toMatchObject({
      code: 7,
      states: expect.arrayContaining(["pays failing", "finds failing"]),
    });
    expect(await doctor(rich.url, ["--for", "service"])).toMatchObject({
      code: 0,
      states: expect.arrayContaining(["pays warning", "invoices ok"]),
    });
    expect(await doctor(poor.url, ["--for", "treasury"])).toMatchObject({
      code: 7,
      states: expect.arrayContaining(["spendable failing"]),
    });
  });

  test("a network other than the expected one fails", async () => {
    expect((await doctor(rich.url, ["--network", "bc"])).states).toContain("network failing");
    expect((await doctor(rich.url, ["--network", "bcrt"])).states).toContain("network ok");
  });

  test("a clock difference is a warning from 5 s, and fails from 60 s", async () => {
    onTestFinished(() => {
      time.ahead = 0;
    });
    time.ahead = 30;
    expect(await doctor(rich.url)).toMatchObject({
      code: 0,
      states: expect.arrayContaining(["clock warning"]),
    });
    time.ahead = -300;
    expect(await doctor(rich.url)).toMatchObject({
      code: 7,
      states: expect.arrayContaining(["clock failing"]),
    });
  });

  test("an unreachable node, an unknown key and an unreadable answer fail", async () => {
    const nowhere = `dev+http://127.0.0.1:${await freePort()}/alice?key=abcd`;
    const { code, states, findings } = await doctor(nowhere);
    expect({ code, states }).toEqual({ code: 7, states: ["url ok", "reach failing"] });
    expect(findings[1]!.found).toContain("nothing listens there");
    const nobody = await doctor(rich.url.replace(/key=.*/, "key=abcd"));
    expect(nobody).toMatchObject({ code: 7, states: ["url ok", "reach ok", "access failing"] });
    net.fault({ kind: "half-json", on: "invoice" });
    const garbled = await doctor(rich.invoiceOnlyUrl, ["--for", "service"]);
    expect(garbled).toMatchObject({
      code: 7,
      states: expect.arrayContaining(["invoices failing"]),
    });
  });
});

test("reads the URL from the environment or a private file, and refuses bad flags", async () => {
  const file = join(folder, "wallet");
  writeFileSync(file, `${rich.url}\n`, { mode: 0o600 });
  expect((await sigil(["doctor", "--wallet-file", file])).code).toBe(0);
  chmodSync(file, 0o644);
  expect(await sigil(["doctor", "--wallet-file", file])).toMatchObject({
    code: 2,
    stderr: "sigil: The wallet file can be read by others. Run chmod 600 on it.\n",
  });
  for (const args of [
    [],
    ["--for", "fun"],
    ["--network", "mainnet"],
    [rich.url],
    ["--wallet-file", rich.url],
  ]) {
    const run = await sigil(
      ["doctor", ...args],
      args.length === 0 ? {} : { SIGIL_WALLET: rich.url },
    );
    expect(run, args[0]).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/^sigil: .+\n$/),
    });
    expect(run.stderr).not.toContain("key=");
  }
});

describe("no secret of a wallet's URL is printed or written", () => {
  const CANARY = "c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7cafe";
  const SHORT = "tyT8zpqFIfDdJ1zHCANARYb0oFC";
  const long = `02010${CANARY.repeat(8)}`;

  /** The port is closed: a well-formed URL is not reached, and the others cannot be read. */
  const urls = (port: number) => [
    `lnd+https://127.0.0.1:${port}?macaroon=${long}`,
    `lnd+https://127.0.0.1:${port}?macaroon=/nowhere/${CANARY}&cert=${CANARY}`,
    `cln+https://127.0.0.1:${port}?rune=${SHORT}`,
    `phoenixd+http://127.0.0.1:${port}?password=${CANARY}`,
    `lnbits+https://127.0.0.1:${port}?key=${CANARY}`,
    `nostr+walletconnect://${"ab".repeat(32)}?relay=ws%3A%2F%2F127.0.0.1%3A${port}&secret=${CANARY}`,
    `dev+http://127.0.0.1:${port}/alice?key=${CANARY}`,
    // Malformed: without a scheme's end, a host, a sign, or with too much.
    `lnd+https:/127.0.0.1:${port}?macaroon=${CANARY}`,
    `lnd+https://?macaroon=${CANARY}`,
    `cln+ftp://127.0.0.1:${port}?rune=${SHORT}`,
    `cln+https://127.0.0.1:${port}?rune=env:${SHORT}`,
    `phoenixd+http://:${CANARY}@127.0.0.1:${port}`,
    `phoenixd+http://node.example:${port}?password=${CANARY}`,
    `lnbits+https://127.0.0.1:99999?key=${CANARY}`,
    `lnbits+https://127.0.0.1:${port}?key=${CANARY}&key=${SHORT}`,
    `nostr+walletconnect:${CANARY}?secret=${SHORT}`,
    `nostr+walletconnect://${SHORT}?relay=nowhere&secret=${CANARY}`,
    `dev+http://127.0.0.1:${port}/${SHORT}?key=${CANARY}`,
    `dev+http://127.0.0.1:${port}/alice?${CANARY}=1&key=ab`,
    CANARY,
    `"dev+http://127.0.0.1:${port}/alice?key=${CANARY}"`,
  ];

  const inside = (dir: string): string =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.name} ${readFileSync(join(entry.parentPath, entry.name), "latin1")}`)
      .join("\n");

  const clean = (text: string, what: string) => {
    for (const secret of [CANARY, SHORT, CANARY.slice(0, 20)])
      expect(text.includes(secret) || text.includes(encodeURIComponent(secret)), what).toBe(false);
  };

  /** A treasury starts although its wallet is not reached, and is stopped once it says so. */
  const start = (args: readonly string[], wallet: string) =>
    sigil(["treasury", "start", ...args], { SIGIL_WALLET: wallet }, { stopsAtOutput: true });

  test("by sigil doctor, sigil get and sigil treasury start, as text and as JSON", async () => {
    const port = await freePort();
    const shop = await serve(async (request) => {
      const decision = await paywall.authorize(request);
      return decision.granted ? decision.settle(new Response("sunny")) : decision.response;
    });
    onTestFinished(() => shop.close());
    const invoicer = devWallet(poor.invoiceOnlyUrl);
    const paywall = new Paywall({ secret: SECRET, location: shop.url, price: "10 sat", invoicer });
    const dir = join(folder, "treasury");
    const location = `http://127.0.0.1:${await freePort()}`;
    expect((await sigil(["treasury", "init", "--dir", dir, "--location", location])).code).toBe(0);
    for (const [at, url] of urls(port).entries()) {
      // Each command in both forms with what is well formed, and in turns with the rest.
      const forms = at < 7 ? [[], ["--json"]] : [at % 2 === 0 ? [] : ["--json"]];
      for (const json of forms) {
        const runs = await Promise.all([
          sigil(["doctor", ...json], { SIGIL_WALLET: url }),
          sigil(["get", shop.url, ...json], { SIGIL_WALLET: url }),
          start(["--dir", dir, ...json], url),
        ]);
        for (const [which, { stdout, stderr }] of runs.entries())
          clean(stdout + stderr, `URL ${at}, command ${which}`);
        expect(runs[0].code, `URL ${at}`).toBe(7);
        expect(runs[1].code, `URL ${at}`).toBeGreaterThan(1);
        expect(runs[1].code, `URL ${at}`).toBeLessThan(8);
        expect([0, 7], `URL ${at}: ${runs[2].code}`).toContain(runs[2].code);
        expect(runs.map((run) => run.stdout + run.stderr).join(""), `URL ${at}`).not.toContain(
          "a bug",
        );
      }
    }
    clean(inside(dir), "the treasury's folder");
    expect(paidPayments()).toBe(0);
  }, 240_000);

  test("if the URL is given in the wrong place", async () => {
    const url = urls(1)[0]!;
    const dir = join(folder, "elsewhere");
    expect((await sigil(["treasury", "init", "--dir", dir])).code).toBe(0);
    const config = join(dir, "config.json");
    writeFileSync(
      config,
      readFileSync(config, "utf8").replace("{", `{"walletFile":${JSON.stringify(url)},`),
    );
    const started = ["treasury", "start", "--dir", dir];
    for (const [args, env] of [
      [["doctor", url]],
      [["doctor", "--wallet-file", url]],
      // A name that is too long is another error of Node's than one that is not there.
      [["doctor", "--wallet-file", url.replaceAll("/", "_")]],
      [["doctor", "--network", url]],
      [["get", url]],
      [["get", `--${url}`]],
      [started],
      [["treasury", "start", "--dir", url]],
      [["treasury", "init", "--dir", url.replaceAll("/", "_")]],
      [[...started, "--key-file", url]],
      [[...started, "--log-level", url], { SIGIL_WALLET: "dev+http://127.0.0.1:1/a?key=ab" }],
      [["tree", "--dir", dir], { SIGIL_STORE: url }],
      [started, { SIGIL_STORE: url, SIGIL_WALLET: "dev+http://127.0.0.1:1/a?key=ab" }],
    ] as const) {
      const { code, stdout, stderr } = await sigil(args, env);
      expect([2, 7], `${args.slice(0, 2)}`).toContain(code);
      clean(stdout + stderr, `${args.slice(0, 2)}`);
    }
  }, 60_000);
});
