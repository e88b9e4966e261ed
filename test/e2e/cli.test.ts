/**
 * The commands of `sigil` against a real service and a real treasury on loopback: what they print,
 * their exit codes, and what they never show. They run in this process, except those under "the
 * process" and `sigil network`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Credential } from "l8nt";
import { Minter, seal } from "l8nt/biscuit";
import { Authority, macaroonOf } from "l8nt/l402";
import { type Served, serve } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";
import { guardedFetch, Treasury, treasuryApi } from "l8nt/treasury";
import { devWallet } from "l8nt/wallets/dev";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { childEnv } from "./support/child-env.ts";
import { type CallOptions, type Ended, ended, sigil as inProcess } from "./support/sigil.ts";

const main = resolve("packages/sigil/src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "sigil-cli-"));

const COMMANDS = [
  "demo",
  "network",
  "get",
  "mint",
  "delegate",
  "inspect",
  "verify",
  "treasury",
  "tree",
  "revoke",
  "freeze",
  "thaw",
  "reopen",
  "payments",
  "journal",
  "receipts",
  "ledger",
  "doctor",
  "mcp",
];

const secret = "5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8f";
const treasurySecret = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

interface Run {
  readonly args: readonly string[];
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const runs: Run[] = [];
/** What no output may show, except a credential that is the result that was asked for. */
const hidden = new Set([secret, treasurySecret]);

function hide(credential: Credential): Credential {
  const [macaroon = "", preimage = ""] = credential.toString().split(":");
  const signature = Buffer.from(macaroon, "base64").subarray(-32);
  for (const text of [macaroon, preimage, signature.toString("hex"), signature.toString("base64")])
    hidden.add(text);
  return credential;
}

interface CallOf extends CallOptions {
  readonly env?: Record<string, string>;
}

/** Runs a command in this process. */
const sigil = (args: readonly string[], { env = {}, ...call }: CallOf = {}): Promise<Run> =>
  kept(args, inProcess(args, env, call));

/** Runs a command as its own process with a pipe as stdin. */
function sigilProcess(
  args: readonly string[],
  { env = {}, input = "" }: CallOf = {},
): Promise<Run> {
  const child = started(args, env);
  // A command that does not read its stdin may have ended before it is written.
  child.stdin.on("error", () => {}).end(input);
  return kept(args, ended(child));
}

const started = (args: readonly string[], env: Record<string, string> = {}) =>
  spawn(process.execPath, ["--conditions=l8nt-source", main, ...args], {
    env: childEnv(env),
    stdio: ["pipe", "pipe", "pipe"],
  });

async function kept(args: readonly string[], ending: Promise<Ended>): Promise<Run> {
  const run = { args, ...(await ending) };
  runs.push(run);
  return run;
}

afterEach(() => {
  for (const { args, stdout, stderr } of runs.splice(0)) {
    const isResult = args[0] === "mint" || args[0] === "delegate";
    for (const text of hidden) {
      expect(stderr.toLowerCase(), `${args[0]} on stderr`).not.toContain(text.toLowerCase());
      if (!isResult)
        expect(stdout.toLowerCase(), `${args[0]} on stdout`).not.toContain(text.toLowerCase());
    }
  }
});

let network: DevNetwork;
let service: Served;
let treasury: Served;
let owner: Treasury;
let ownerWallet: string;
/** Every request that reached the service, with its method and path. */
const seen: string[] = [];

beforeAll(async () => {
  network = await DevNetwork.start();
  ownerWallet = network.account("owner", { balanceMsat: 10_000_000n }).url;
  const invoicer = devWallet(network.account("service", { balanceMsat: 0n }).invoiceOnlyUrl);
  service = await serve(async (request) => {
    const { pathname } = new URL(request.url);
    seen.push(`${request.method} ${pathname}`);
    if (pathname === "/free") return new Response("free\n", { headers: { "x-kind": "free" } });
    if (pathname === "/endless") return new Response(endless());
    if (pathname === "/bytes") return new Response(new Uint8Array([0, 255, 254]));
    if (pathname === "/missing") return new Response("nothing here\n", { status: 404 });
    if (pathname === "/echo")
      return new Response(`${request.headers.get("content-type")} ${await request.text()}`);
    const decision = await paywall.authorize(request);
    if (!decision.granted) return decision.response;
    if (pathname === "/broken") return decision.settle(new Response("sorry\n", { status: 500 }));
    if (pathname === "/cut") return decision.settle(new Response(cutOff()));
    return decision.settle(new Response(pathname === "/unfinished" ? "sunny" : "sunny\n"));
  });
  const paywall = new Paywall({ secret, location: service.url, price: "10 sat", invoicer });
  treasury = await serve((request) => api(request));
  owner = new Treasury({
    secret: treasurySecret,
    location: treasury.url,
    wallet: devWallet(ownerWallet),
    fetch: guardedFetch({ allowLoopback: true }),
  });
  const api = treasuryApi(owner);
});

afterEach(() => {
  network.clearFaults();
  seen.length = 0;
});

afterAll(async () => {
  await Promise.all([service.close(), treasury.close(), network.stop()]);
  rmSync(folder, { recursive: true });
});

const paidPayments = () => network.payments().filter(({ status }) => status === "paid").length;

/** A spending credential of the treasury, for everything at the service. */
const spending = (scope: Parameters<Treasury["mint"]>[0] = {}): Credential =>
  hide(
    owner.mint({
      endpoints: [`* ${service.url}/**`],
      budget: "100 sat",
      expiresIn: "1h",
      ...scope,
    }),
  );

/** A body that goes on until its reader leaves. */
const endless = () =>
  new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(0x2e)),
  });

/** A body that breaks off. */
const cutOff = () => {
  let isFirst = true;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isFirst) controller.enqueue(new TextEncoder().encode("sun"));
      else controller.error(new Error("cut off"));
      isFirst = false;
    },
  });
};

async function freePort(): Promise<string> {
  const { url, close } = await serve(() => new Response());
  await close();
  return new URL(url).port;
}

/** What a minted credential of these tests needs besides its endpoints. */
const AT = ["--location", "http://127.0.0.1:8402", "--expires-in", "1h"];

const withCredential = (credential: Credential) => ({
  env: { SIGIL_CREDENTIAL: credential.toString() },
});

describe("the program", () => {
  test("prints its version and its commands", async () => {
    expect(await sigil(["--version"])).toMatchObject({ code: 0, stdout: "0.1.0\n", stderr: "" });
    expect(JSON.parse((await sigil(["--version", "--json"])).stdout)).toEqual({ version: "0.1.0" });
    const help = await sigil(["--help"]);
    expect(help.code).toBe(0);
    for (const name of COMMANDS) expect(help.stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, "m"));
    expect(help.stdout).toContain("  4    denied: a budget or a number of uses has nothing left");
    expect(await sigil([])).toMatchObject({ code: 2, stdout: "", stderr: help.stdout });
  });

  test.each(COMMANDS)(
    "sigil %s --help prints the usage, and refers to the exit codes",
    async (name) => {
      const { code, stdout, stderr } = await sigil([name, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain(`Usage: sigil ${name} `);
      expect(stdout).toContain("--json");
      expect(stdout).toMatch(/\n\nExit codes: sigil --help\n$/);
    },
  );

  test("the README has an example of each command, and the exit codes of --help", async () => {
    const readme = readFileSync("packages/sigil/README.md", "utf8");
    for (const name of COMMANDS) expect(readme).toMatch(new RegExp(`\\bsigil ${name}\\b`));
    const { stdout } = await sigil(["--help"]);
    const codes = [...stdout.matchAll(/^ {2}(\d+) +(.+)$/gm)].map(
      ([, code, means]) => `| ${code} | ${means} |`,
    );
    expect(codes.length).toBeGreaterThan(8);
    expect(readme).toContain(codes.join("\n"));
  });

  test.each([
    [["inspekt"], "sigil: Unknown command inspekt. Did you mean inspect?\n"],
    [["frobnicate"], "sigil: Unknown command frobnicate. See sigil --help.\n"],
    [["mint", "--buget", "1 sat"], "sigil: Unknown flag --buget. Did you mean --budget?\n"],
    [["treasury", "initt"], "sigil: Unknown verb initt. Did you mean init?\n"],
    [
      ["treasury"],
      "sigil: Missing verb. Usage: sigil treasury init|start|backup|restore|unexplained|explain|confirm|clock|health --dir DIR.\n",
    ],
    [["ledger", "prune"], "sigil: Unknown verb prune. Usage: sigil ledger verify --dir DIR.\n"],
    [
      ["inspect", "--credential-file", "/nothing/here"],
      "sigil: The file of --credential-file is not there.\n",
    ],
    [
      ["inspect", "--credential-file", "/"],
      "sigil: The file of --credential-file cannot be read.\n",
    ],
    [["get", "-Z"], "sigil: Unknown flag -Z. See --help.\n"],
    [["get", "-iZ"], "sigil: Unknown flag -Z. See --help.\n"],
    [["mint", "-budget", "1 sat"], "sigil: Unknown flag -budget. Did you mean --budget?\n"],
    [["get", "-X"], "sigil: -X needs a value: -X METHOD.\n"],
    [["mint", "--budget", "500", "sat"], 'sigil: Quote a value with blanks: --budget "500 sat"\n'],
    [
      ["mint", "--agent", "a", "--endpoint", "GET", "https://a.example/"],
      'sigil: Quote a value with blanks: --endpoint "GET https://…"\n',
    ],
    [
      ["get", "http://a.example/", "-H", "a:", "b"],
      'sigil: Quote a value with blanks: -H "name: value"\n',
    ],
    [["mint", "--budget"], 'sigil: --budget needs a value: --budget "500 sat".\n'],
    [["mint", "--budget", "--agent", "x"], 'sigil: --budget needs a value: --budget "500 sat".\n'],
    [
      ["mint", "--max-uses", "1", "--max-uses=2"],
      "sigil: --max-uses is given twice; give it once.\n",
    ],
    [
      ["mint", "--budget", "1 sat", "--budget=2 sat"],
      "sigil: --budget has two amounts in bitcoin; give at most one for each unit.\n",
    ],
    [
      ["mint", "--budget", "1 usd", "--budget", "2 sat", "--budget", "0.5 usd"],
      "sigil: --budget has two amounts in US dollars; give at most one for each unit.\n",
    ],
    [["demo", "--json=yes"], "sigil: --json takes no value.\n"],
    [["demo", "now"], "sigil: This command takes no arguments except flags.\n"],
  ])("%j is refused", async (args, stderr) => {
    expect(await sigil(args)).toMatchObject({ code: 2, stdout: "", stderr });
  });

  test("with --json, a usage error is a JSON document", async () => {
    const { code, stdout, stderr } = await sigil(["mint", "--buget", "1 sat", "--json"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      error: { code: "ERR_USAGE", message: "Unknown flag --buget. Did you mean --budget?" },
    });
  });

  test("a credential or a secret in the wrong place is not repeated", async () => {
    const credential = spending().toString();
    for (const args of [
      [credential],
      ["get", credential],
      ["get", `--${credential}`],
      ["get", `--${secret}`],
      ["get", `https://user:${secret}@a.example/`],
      ["get", service.url, "--credential", credential],
      ["get", service.url, "-H", credential],
      ["get", service.url, "--max-price", secret],
      ["get", service.url, "-X", secret],
      ["verify", "--url", credential],
      ["verify", "--url", service.url, "--price", credential],
      ["mint", credential],
      ["mint", "--secret", secret],
      ["mint", `--secret=${secret}`],
      ["mint", `-${secret}`],
      ["mint", "--endpoint", "GET", credential],
      ["mint", "--new-secret", "--agent", secret],
      ["mint", "--location", credential, "--secret-file", credential],
      [
        "mint",
        "--endpoint",
        credential,
        "--location",
        "http://a.example",
        "--expires-in",
        "1h",
        "--budget",
        "1 sat",
      ],
      ["mint", "--agent", secret, "--location", "http://a.example", "--max-uses", secret],
      ["delegate", "--agent", `${secret}.${secret}`],
      ["delegate", "--expires-at", secret],
      ["inspect", "x", credential],
      ["inspect", `${credential}0`],
    ]) {
      const env = { SIGIL_SECRET: treasurySecret, SIGIL_CREDENTIAL: credential };
      const [text, json] = await Promise.all([
        sigil(args, { env }),
        sigil([...args, "--json"], { env }),
      ]);
      expect(text.code, args[0]).toBeGreaterThan(1);
      expect(text.code, args[0]).toBeLessThan(8);
      expect(json.code).toBe(text.code);
      expect(text.stderr).toMatch(/^(?:sigil: .+\n)+$/);
      expect(JSON.parse(json.stdout).error.message).toMatch(/./);
    }
  });
});

describe("the process", () => {
  test("starts, prints and ends with 0", async () => {
    const run = await sigilProcess(["--version"]);
    expect(run).toMatchObject({ code: 0, stdout: "0.1.0\n", stderr: "" });
  });

  test("pays, and ends without waiting for its open connections", async () => {
    const env = { SIGIL_CREDENTIAL: spending().toString() };
    const run = await sigilProcess(["get", `${service.url}/paid`], { env });
    expect(run).toMatchObject({ code: 0, stdout: "sunny\n" });
  });

  test.each([
    ["an unknown command", ["frobnicate"], {}, 2],
    ["a budget of nothing", ["get", "/paid"], { budget: "5 sat" }, 4],
    ["a host where nothing listens", ["get", "http://127.0.0.1:1/"], {}, 7],
  ] as const)("ends with the exit code of %s", async (_, [name, path], scope, code) => {
    const env = { SIGIL_CREDENTIAL: spending(scope).toString() };
    const url = path?.startsWith("/") ? service.url + path : path;
    const outside = path?.startsWith("http:") ?? false;
    const args = url === undefined ? [name] : [name, url];
    const run = await sigilProcess(args, outside ? {} : { env });
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toMatch(/^sigil: /);
  });

  test("reads a pipe that another sigil process writes", async () => {
    // By a shell, and into a file: the canary reads what the children of a test print.
    const run = '"$0" --conditions=l8nt-source --no-warnings "$1"';
    const mint = `${run} mint --kind access --endpoint "GET https://a.example/**" ${AT.join(" ")}`;
    const file = join(folder, "child.credential");
    const line = `${mint} | ${run} delegate --agent scout > "$2"`;
    const child = spawn("sh", ["-c", line, process.execPath, main, file], {
      env: childEnv({ SIGIL_SECRET: secret }),
    });
    expect((await ended(child)).code).toBe(0);
    const written = readFileSync(file, "utf8").trimEnd();
    expect(hide(Credential.parse(written)).chain.lineage).toEqual(["scout"]);
  });

  test("prefers SIGIL_CREDENTIAL to a pipe, and says so", async () => {
    const { env } = withCredential(spending());
    // A pipe of a shell: a process that Node starts has a socket as its stdin.
    const piped = ["-c", `printf x | "$0" --conditions=l8nt-source "$1" inspect`];
    const child = spawn("sh", [...piped, process.execPath, main], { env: childEnv(env) });
    const run = await kept(["inspect"], ended(child));
    expect(run).toMatchObject({
      code: 0,
      stderr:
        "sigil: using the credential of SIGIL_CREDENTIAL; give --credential - to read stdin instead\n",
    });
  });

  test("ends silently with 0 when the reader of its stdout closes the pipe", async () => {
    const child = started(["get", `${service.url}/endless`]);
    child.stdout.once("data", () => child.stdout.destroy());
    const run = await kept(["get"], ended(child));
    expect(run).toMatchObject({ code: 0, stderr: "" });
  });

  test("reports an uncaught error only as a bug, without its contents", async () => {
    const bug = `process.once("SIGUSR2",()=>{throw new Error("at ${secret}")})`;
    const options = `--import=data:text/javascript,${encodeURIComponent(bug)}`;
    const child = started(["network"], { NODE_OPTIONS: options });
    child.stdout.once("data", () => child.kill("SIGUSR2"));
    const run = await kept(["network"], ended(child));
    expect(run.code).toBe(70);
    expect(run.stderr).toMatch(/^sigil: a bug: /);
  });
});

describe("sigil network", () => {
  /** Starts the process, waits until it has printed everything, calls `use`, and sends `signal`. */
  async function running(
    args: readonly string[],
    use: (stdout: string) => Promise<void>,
    signal: NodeJS.Signals = "SIGINT",
  ): Promise<number | null> {
    const child = started(["network", ...args]);
    const ended = once(child, "close");
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (printed += text));
    try {
      await expect.poll(() => printed, { timeout: 10_000 }).toMatch(/\n$/);
      await use(printed);
    } finally {
      child.kill(signal);
    }
    const [code] = (await ended) as [number | null];
    return code;
  }

  /** The wallets of the output, kept out of the assertions: they hold keys. */
  const wallets = (stdout: string) =>
    [
      ...stdout.matchAll(
        /^export SIGIL_WALLET='(dev\+http:\/\/127\.0\.0\.1:\d+\/[a-z]+\?key=.+)'$/gm,
      ),
    ].map(([, url = ""]) => url);

  test("prints wallets that pay and wallets that only make invoices, and runs until Ctrl-C", async () => {
    const code = await running([], async (stdout) => {
      const [alice, aliceInvoices, , weather] = wallets(stdout);
      expect(stdout.replaceAll(/'.+'/g, "'…'").replaceAll(/:\d+/g, ":…")).toBe(`\
# A Lightning network with play money at http://127.0.0.1:…. Press Ctrl-C to end it.

# alice (1,000 sat): pays
export SIGIL_WALLET='…'
# alice: only makes invoices
export SIGIL_WALLET='…'

# weather (0 sat): pays
export SIGIL_WALLET='…'
# weather: only makes invoices
export SIGIL_WALLET='…'
`);
      const shop = await serve(async (request) => {
        const decision = await paywall.authorize(request);
        return decision.granted ? decision.settle(new Response("sunny\n")) : decision.response;
      });
      const invoicer = devWallet(weather!);
      const paywall = new Paywall({ secret, location: shop.url, price: "10 sat", invoicer });
      try {
        const run = await sigil(["get", shop.url], { env: { SIGIL_WALLET: alice! } });
        expect(run).toMatchObject({ code: 0, stdout: "sunny\n" });
        const refused = await sigil(["get", shop.url], { env: { SIGIL_WALLET: aliceInvoices! } });
        expect(refused.code).toBeGreaterThan(1);
      } finally {
        await shop.close();
      }
    });
    expect(code).toBe(0);
  });

  test("prints one JSON document with --json, and takes accounts and a port", async () => {
    const port = await freePort();
    const args = [
      "--json",
      "--port",
      `${port}`,
      "--account",
      "bob=20.5 sat",
      "--account",
      "shop=0 sat",
    ];
    const code = await running(
      args,
      async (stdout) => {
        const { url, accounts } = JSON.parse(stdout);
        expect(url).toBe(`http://127.0.0.1:${port}`);
        expect(
          accounts.map(({ name, balanceMsat }: Record<string, string>) => [name, balanceMsat]),
        ).toEqual([
          ["bob", "20500"],
          ["shop", "0"],
        ]);
        for (const { pays, makesInvoicesOnly } of accounts) {
          for (const wallet of [pays, makesInvoicesOnly])
            expect(wallet.startsWith(`dev+http://127.0.0.1:${port}/`)).toBe(true);
          expect(pays === makesInvoicesOnly).toBe(false);
        }
        const taken = await sigil(["network", "--port", `${port}`]);
        expect(taken).toMatchObject({ code: 2, stdout: "" });
        expect(taken.stderr).toContain(`port ${port} is in use.`);
      },
      "SIGTERM",
    );
    expect(code).toBe(0);
  });

  test.each([
    [["--account", "alice"], '--account must be a name and an amount, such as "alice=1000 sat"'],
    [["--account", "alice=1000"], "--account's amount must be an amount of bitcoin with its unit"],
    [
      ["--account", "Alice=1 sat"],
      "An account's name must be lower-case letters, digits and hyphens",
    ],
    [["--account", "a=1 sat", "--account", "a=2 sat"], 'Account "a" is already open'],
    [["--port", "65536"], "--port must be a whole number from 0 to 65535"],
  ])("%j is refused", async (args, reason) => {
    const { code, stdout, stderr } = await sigil(["network", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(reason);
  });

  test("its help says that the money is play money and ends with the command", async () => {
    const { stdout } = await sigil(["network", "--help"]);
    expect(stdout).toMatch(/Balances are play money\.[^.]*end with this command/);
  });
});

describe("sigil mint", () => {
  const good = [
    "--location",
    "http://127.0.0.1:8402",
    "--endpoint",
    "GET https://a.example/**",
    "--expires-in",
    "1h",
  ];

  test("mints a credential that the authority of this secret accepts", async () => {
    const args = [
      ...good,
      "--budget",
      "500 sat",
      "--max-uses-per-day",
      "9",
      "--agent",
      "planner",
      "--purpose",
      "a trip",
    ];
    const { code, stdout, stderr } = await sigil(["mint", ...args], {
      env: { SIGIL_SECRET: secret },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const credential = hide(Credential.parse(stdout.trimEnd()));
    const verified = new Authority({
      secret,
      location: "http://a.example",
      kind: "spending",
    }).verifier.authenticate(credential);
    expect(credential.location).toBe("http://127.0.0.1:8402");
    expect(verified.lineage).toEqual(["planner"]);
    expect(verified.caveats.map(({ condition }) => condition)).toEqual([
      "agent",
      "purpose",
      "endpoints",
      "valid_until",
      "budget_msat",
      "max_uses_per_day",
      "max_price_usd_micro",
    ]);
  });

  test("reads the secret from a file, and answers in JSON", async () => {
    const file = join(folder, "secret");
    writeFileSync(file, `${secret}\n`);
    const { code, stdout } = await sigil([
      "mint",
      ...good,
      "--kind",
      "access",
      "--secret-file",
      file,
      "--json",
    ]);
    expect(code).toBe(0);
    const { credential, ...facts } = JSON.parse(stdout);
    hide(Credential.parse(credential));
    expect(facts).toMatchObject({
      location: "http://127.0.0.1:8402",
      lineage: [],
      caveats: ["endpoints=GET https://a.example/**", expect.stringMatching(/^valid_until=\d+$/)],
    });
  });

  test("--new-secret makes different secrets that sigil mint accepts", async () => {
    const [one, two] = await Promise.all([
      sigil(["mint", "--new-secret"]),
      sigil(["mint", "--new-secret"]),
    ]);
    expect(one.stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(one.stdout).not.toBe(two.stdout);
    const minted = await sigil(["mint", ...good, "--kind", "access"], {
      env: { SIGIL_SECRET: one.stdout.trim() },
    });
    expect(minted.code).toBe(0);
  });

  test.each([
    [
      "everything",
      ["--expires-in", "1h", "--budget", "1 sat"],
      "needs --endpoint (or --service): there is no credential for everything",
    ],
    [
      "ever",
      ["--endpoint", "GET https://a.example/x", "--budget", "1 sat"],
      'needs an end: --expires-in "1h", or --expires-at',
    ],
    [
      "any amount",
      ["--endpoint", "GET https://a.example/x", "--expires-in", "1h"],
      'can spend needs a budget: --budget "500 sat", or --budget-per-day',
    ],
  ])("refuses a credential for %s, and says why", async (_what, flags, reason) => {
    const { code, stdout, stderr } = await sigil(
      ["mint", "--location", "http://127.0.0.1:1", ...flags],
      {
        env: { SIGIL_SECRET: secret },
      },
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(reason);
  });

  test.each([
    [["--budget", "500"], "--budget must be an amount with its unit"],
    [["--budget", "-5 sat"], "--budget must be an amount with its unit"],
    [["--budget-per-day", "many sat"], "--budget-per-day must be an amount with its unit"],
    [["--max-uses", "1.5"], "--max-uses must be a whole number"],
    [["--max-depth", "-1"], "--max-depth must be a whole number"],
    [["--expires-at", "tomorrow"], "--expires-at must be a date"],
    [["--expires-in", "1y"], "--expires-in must be a duration"],
    [["--payee", "me"], "--payee has"],
    [["--kind", "all"], "--kind must be access or spending"],
    [["--agent", "a b"], "--agent must be 1 to 64 letters"],
    [["--agent", "0a".repeat(16)], "no node id"],
  ])("%j is told in the words of the command line", async (flags, reason) => {
    const args = [
      "mint",
      "--location",
      "http://127.0.0.1:1",
      "--endpoint",
      "GET https://a.example/x",
      ...flags,
    ];
    if (!flags.some((flag) => flag.startsWith("--expires"))) args.push("--expires-in", "1h");
    if (!flags.includes("--budget")) args.push("--budget", "1 sat");
    const { code, stderr } = await sigil(args, { env: { SIGIL_SECRET: secret } });
    expect(code).toBe(2);
    expect(stderr).toContain(reason);
  });

  test("refuses an end in the past", async () => {
    const args = [
      "--location",
      "http://127.0.0.1:1",
      "--endpoint",
      "GET https://a.example/x",
      "--budget",
      "1 sat",
    ];
    const run = await sigil(["mint", ...args, "--expires-at", "2001-09-09"], {
      env: { SIGIL_SECRET: secret },
    });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toBe(
      "sigil: --expires-at is in the past (2001-09-09T00:00:00.000Z): such a credential is worth nothing.\n",
    );
  });

  test("names everything that is missing in one message", async () => {
    const bare = await sigil(["mint"]);
    expect(bare).toMatchObject({ code: 2, stdout: "" });
    expect(bare.stderr).toBe(
      'sigil: sigil mint needs --location URL (the treasury or service); --endpoint "GET https://…" (or --service NAME); --expires-in 1h (or --expires-at DATE); --budget "500 sat" (or --budget-per-day …); SIGIL_SECRET or --secret-file FILE.\n',
    );
    const some = await sigil([
      "mint",
      "--kind",
      "access",
      "--service",
      "x",
      "--location",
      "http://a.example",
    ]);
    expect(some.stderr).toBe(
      "sigil: sigil mint needs --expires-in 1h (or --expires-at DATE); SIGIL_SECRET or --secret-file FILE.\n",
    );
  });

  test("refuses a secret as an argument, and --new-secret beside other flags", async () => {
    for (const flags of [["--secret", secret], [`--secret=${secret}`]]) {
      const run = await sigil(["mint", ...good, ...flags]);
      expect(run).toMatchObject({ code: 2, stdout: "" });
      expect(run.stderr).toBe(
        "sigil: Other users can see a secret in an argument; use SIGIL_SECRET or --secret-file.\n",
      );
    }
    expect(await sigil(["mint", "--new-secret", ...good])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: "sigil: --new-secret mints nothing; give it without other flags.\n",
    });
  });

  test("refuses a missing secret and a weak one", async () => {
    const args = ["mint", ...good, "--budget", "1 sat"];
    expect((await sigil(args)).stderr).toContain("Missing secret. Set SIGIL_SECRET");
    const weak = await sigil(args, { env: { SIGIL_SECRET: "ab".repeat(32) } });
    expect(weak.code).toBe(2);
    expect(weak.stderr).toContain("must be random");
    expect(weak.stderr).not.toContain("abab");
    expect((await sigil([...args, "--secret-file", join(folder, "none")])).code).toBe(2);
  });
});

describe("sigil delegate", () => {
  test.each(["stdin", "environment", "file"])(
    "narrows what it gets by %s, offline",
    async (from) => {
      const parent = spending();
      const file = join(folder, "parent");
      writeFileSync(file, parent.toString());
      const more = {
        stdin: ["--credential", "-"],
        environment: [],
        file: ["--credential-file", file],
      }[from]!;
      const { code, stdout, stderr } = await sigil(
        ["delegate", "--agent", "scout", "--budget", "20 sat", ...more],
        {
          ...(from === "stdin" && { input: `${parent}\n` }),
          ...(from === "environment" && withCredential(parent)),
        },
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const child = hide(Credential.parse(stdout.trimEnd()));
      expect(child.chain.lineage).toEqual(["scout"]);
      expect(child.caveats.map(({ condition }) => condition).slice(-2)).toEqual([
        "agent",
        "budget_msat",
      ]);
      expect(owner.authority.verifier.authenticate(child).nodes[0]!.id).toBe(
        owner.authority.verifier.authenticate(parent).node.id,
      );
      expect(seen).toEqual([]);
    },
  );

  test("reads the credential from a pipe if the environment has none", async () => {
    const { code, stdout } = await sigil(["delegate", "--expires-in", "5m", "--json"], {
      input: `${spending()}`,
    });
    expect(code).toBe(0);
    const { credential, caveats } = JSON.parse(stdout);
    hide(Credential.parse(credential));
    expect(caveats.at(-1)).toMatch(/^valid_until=/);
  });

  test("prints a key for SDKs, which every command reads", async () => {
    const parent = spending();
    const { code, stdout } = await sigil(
      ["delegate", "--agent", "scout", "--model", "gpt-5*", "--key-form"],
      withCredential(parent),
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^sk-sigil-[A-Za-z0-9_-]+\n$/);
    const key = stdout.trimEnd();
    hidden.add(key);
    const child = hide(Credential.parse(key));
    expect(child.chain.lineage).toEqual(["scout"]);
    const grandchild = await sigil(["delegate", "--agent", "aide"], {
      env: { SIGIL_CREDENTIAL: key },
    });
    expect(hide(Credential.parse(grandchild.stdout.trimEnd())).chain.lineage).toEqual([
      "scout",
      "aide",
    ]);
    const shown = await sigil(["inspect"], { env: { SIGIL_CREDENTIAL: key } });
    expect(shown.stdout).toContain("model gpt-5*");
    expect(shown.stdout).toContain("scout");
  });

  test.each([
    [
      "a larger budget",
      {},
      ["--budget", "500 sat"],
      "500 sat in all is more than the 100 sat in all above; the smaller limit applies",
    ],
    ["the same budget", {}, ["--budget", "100 sat"], ""],
    ["another kind of budget", {}, ["--budget-per-day", "500 sat"], ""],
    [
      "a larger budget of one kind",
      { budgetPerDay: "5 sat" },
      ["--budget-per-day", "6 sat"],
      "6 sat a day is more than the 5 sat a day above; the smaller limit applies",
    ],
    [
      "endpoints elsewhere",
      {},
      ["--endpoint", "GET https://elsewhere.example/**"],
      "the new endpoints and the endpoints above have nothing in common, so the new credential allows nothing",
    ],
    [
      "endpoints of which one may meet",
      { endpoints: ["GET https://*.a.example:*/**"] },
      ["--endpoint", "GET https://x.example/", "--endpoint", "GET https://b.a.example/"],
      "",
    ],
    [
      "a port that is not above",
      { endpoints: ["GET https://a.example/**"] },
      ["--endpoint", "GET https://a.example:8443/"],
      "the new endpoints and the endpoints above have nothing in common, so the new credential allows nothing",
    ],
    [
      "a parent that has ended",
      { expiresIn: undefined, expiresAt: new Date("2001-09-09T00:00:00Z") },
      ["--agent", "scout"],
      "the credential above ended 25 y ago, so the new one allows nothing",
    ],
  ] as const)("tells of %s", async (_what, scope, flags, warning) => {
    const parent = spending(scope as Parameters<typeof spending>[0]);
    const run = await sigil(["delegate", ...flags], withCredential(parent));
    hide(Credential.parse(run.stdout.trimEnd()));
    expect(run.code).toBe(0);
    expect(run.stderr.replace(/\d+ y ago/, "25 y ago")).toBe(
      warning === "" ? "" : `sigil: ${warning}\n`,
    );
    const json = await sigil(["delegate", ...flags, "--json"], withCredential(parent));
    const { credential, warnings = [] } = JSON.parse(json.stdout);
    hide(Credential.parse(credential));
    expect(json.stderr).toBe("");
    expect(warnings).toHaveLength(warning === "" ? 0 : 1);
  });

  test("needs exactly one credential, and a flag that narrows", async () => {
    const one = spending().toString();
    expect(await sigil(["delegate", "--agent", "x"])).toMatchObject({ code: 6, stdout: "" });
    expect((await sigil(["delegate", "--agent", "x"], { input: "rubbish" })).code).toBe(6);
    expect((await sigil(["delegate", "--agent", "x"], { input: `${one}\n${one}` })).code).toBe(2);
    expect((await sigil(["delegate"], { input: one })).code).toBe(2);
  });
});

describe("sigil inspect", () => {
  const parent = () =>
    owner.authority.minter.mint({
      endpoints: ["GET https://a.example/**", "POST https://b.example/orders"],
      budget: "500 sat",
      expiresAt: new Date("2100-01-01T00:00:00Z"),
    });

  test("prints the caveats in words as a tree, without preimage and signature", async () => {
    const child = hide(
      parent().delegate({
        agent: "scout",
        purpose: "weather \u001b[31mred\u202e",
        budgetPerDay: "20.5 sat",
        maxPrice: "10 sat",
        maxUses: 1,
        maxDepth: 0,
      }),
    );
    const { code, stdout, stderr } = await sigil(["inspect"], { input: child.toString() });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.replace(/\(in \d+ y\)/, "(in … y)")).toBe(`\
An L402 credential. Not verified: that needs the secret of its minter.

spent at      ${treasury.url}
payment hash  ${child.paymentHash}
preimage      proves the payment

root
│  GET https://a.example/**
│  POST https://b.example/orders
│  until 2100-01-01 00:00:00 UTC (in … y)
│  500 sat in all
│  nothing in US dollars
│
└─ scout
      for: weather \\u{1b}[31mred\\u{202e}
      20.5 sat a day
      at most 10 sat at once
      1 request in all
      no delegation below
`);
  });

  test("warns that other users can see arguments", async () => {
    const credential = hide(parent());
    const { code, stdout, stderr } = await sigil(["inspect", credential.toString()]);
    expect(code).toBe(0);
    expect(stderr).toContain("other users can see arguments");
    expect(stdout).toContain("500 sat in all");
    expect((await sigil(["inspect", "-"], { input: credential.toString() })).stderr).toBe("");
    expect((await sigil(["inspect"], withCredential(credential))).stdout).toBe(stdout);
  });

  test("says why a credential allows nothing", async () => {
    const [macaroon] = parent().toString().split(":");
    const unpaid = hide(Credential.paid(macaroonOf(parent()), "00".repeat(32)));
    const odd = unpaid.append(["valid_until=1000000000", "colour=red", "max_uses=many"]);
    const { stdout } = await sigil(["inspect"], { input: odd.toString() });
    expect(macaroon).toBeDefined();
    expect(stdout).toContain("preimage      does NOT prove the payment");
    expect(stdout).toMatch(/ {3}until 2001-09-09 01:46:40 UTC \(\d+ y ago\)/);
    expect(stdout).toContain("colour: unknown here, so everything is denied");
    expect(stdout).toContain("max_uses: a value that cannot be read, so everything is denied");
    expect(stdout).toContain("It allows nothing now:");
  });

  test("prints the public-key form, with its issuer, and whether it is sealed", async () => {
    const issuer = "https://issuer.example";
    const minter = new Minter({ privateKey: "11".repeat(32), issuer, location: treasury.url });
    const end = new Date("2100-01-01T00:00:00Z");
    const open = hide(minter.mint({ endpoints: ["GET https://a.example/**"], expiresAt: end }));
    const shown = await sigil(["inspect"], { input: open.toString() });
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toContain("Not verified: that needs the public key of its issuer.");
    expect(shown.stdout).toContain(`issuer        ${issuer}\n`);
    expect(shown.stdout).not.toContain("sealed");
    expect(shown.stdout).toContain("GET https://a.example/**");
    const { stdout } = await sigil(["inspect"], { input: seal(open).toKey() });
    expect(stdout).toContain("sealed        nobody can narrow it further\n");
    const json = await sigil(["inspect", "--json"], { input: open.toString() });
    expect(JSON.parse(json.stdout)).toMatchObject({ form: "biscuit", issuer, sealed: false });
  });

  test("hides a copy of the preimage in a caveat", async () => {
    const credential = hide(parent());
    const preimage = credential.toString().slice(-64);
    const copied = credential.append([
      `preimage=${preimage}`,
      `purpose=${preimage.toUpperCase()}`,
      `${preimage}=1`,
    ]);
    for (const args of [["inspect"], ["inspect", "--json"]]) {
      const { code, stdout } = await sigil(args, { input: copied.toString() });
      expect(code).toBe(0);
      expect(stdout).toContain("(not shown)");
    }
  });

  test("--json prints the same facts", async () => {
    const { stdout } = await sigil(["inspect", "--json"], { input: hide(parent()).toString() });
    expect(JSON.parse(stdout)).toMatchObject({
      location: treasury.url,
      paid: true,
      validUntil: 4102444800,
      nodes: [
        {
          agent: null,
          caveats: [
            { means: ["GET https://a.example/**", "POST https://b.example/orders"] },
            { caveat: "valid_until=4102444800" },
            { caveat: "budget_msat=500000", means: ["500 sat in all"] },
            { caveat: "max_price_usd_micro=0", means: ["nothing in US dollars"] },
          ],
        },
      ],
      denies: [],
    });
  });

  test("names frequent mistakes in copying a credential", async () => {
    const credential = hide(parent()).toString();
    const cut = "The text may be incomplete, quoted or pasted twice.";
    for (const [input, slip] of [
      ["rubbish", ""],
      [credential.slice(0, -1), ""],
      [credential + credential, ""],
      [`"${credential}"`, " It begins with a quotation mark; remove the quotation marks."],
      [`'${credential}`, " It begins with a quotation mark; remove the quotation marks."],
      [`L402 ${credential}`, " It begins with the scheme of a header field; remove the scheme."],
      [`LSAT ${credential}`, " It begins with the scheme of a header field; remove the scheme."],
    ] as const) {
      const run = await sigil(["inspect"], { input });
      expect(run).toMatchObject({ code: 6, stdout: "" });
      expect(run.stderr).toContain(`. ${cut}${slip} (ERR_TOKEN_`);
      const got = await sigil(["get", `${service.url}/free`], { env: { SIGIL_CREDENTIAL: input } });
      expect(got).toMatchObject({ code: 6, stdout: "", stderr: run.stderr });
    }
  });

  test.each(["", "rubbish", "AAAA:00", "x".repeat(9000)])(
    "%j ends with 6, and a word about why",
    async (input) => {
      expect(await sigil(["inspect"], { input })).toMatchObject({ code: 6, stdout: "" });
      const { code, stdout } = await sigil(["inspect", "--json"], { input });
      expect(code).toBe(6);
      expect(JSON.parse(stdout).error.code).toMatch(/^ERR_TOKEN_/);
    },
  );
});

describe("sigil verify", () => {
  const env = { SIGIL_SECRET: treasurySecret };
  const url = () => `${service.url}/paid`;

  test("grants a request that the credential covers", async () => {
    const child = hide(spending().delegate({ agent: "scout", maxPrice: "20 sat" }));
    const args = ["verify", "--url", url(), "--method", "POST", "--price", "10 sat"];
    const run = await sigil(args, { env, input: child.toString() });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toBe(
      "granted to scout, which ends in 60 min\nnot judged, because only the treasury or service counts: budget_msat\n",
    );
    const { stdout } = await sigil([...args, "--json"], { env, input: child.toString() });
    expect(JSON.parse(stdout)).toMatchObject({
      granted: true,
      genuine: true,
      lineage: ["scout"],
      limits: [{ condition: "budget_msat", max: "100000" }],
    });
  });

  test("explains each refusal, and ends with 3", async () => {
    const child = hide(
      spending().attenuate({ endpoints: [`GET ${service.url}/a`], maxPrice: "20 sat" }),
    );
    const args = ["verify", "--url", url(), "--price", "30 sat"];
    const run = await sigil(args, { env, input: child.toString() });
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toBe(
      `sigil: denied (ERR_ENDPOINT)\n  endpoints: you have GET ${service.url}/a; you need GET ${url()}\n  max_price_msat: you have at most 20 sat at once; you need 30 sat\n`,
    );
    const { code, stdout } = await sigil([...args, "--json"], { env, input: child.toString() });
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      granted: false,
      genuine: true,
      error: { code: "ERR_ENDPOINT", refusals: [{ code: "ERR_ENDPOINT" }, { code: "ERR_PRICE" }] },
    });
  });

  test("a price above the whole budget ends with 3, not 4", async () => {
    const child = hide(spending().delegate({ agent: "scout", budget: "20 sat" }));
    const args = ["verify", "--url", url(), "--price", "30 sat"];
    const run = await sigil(args, { env, input: child.toString() });
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toBe(
      "sigil: denied (ERR_BUDGET)\n  budget_msat (set for agent scout): you have 20 sat in all; you need 30 sat, which is never possible\n",
    );
    const json = await sigil([...args, "--json"], { env, input: child.toString() });
    expect(json.code).toBe(3);
    expect(JSON.parse(json.stdout)).toMatchObject({
      granted: false,
      genuine: true,
      error: {
        code: "ERR_BUDGET",
        refusals: [{ condition: "budget_msat", node: { agent: "scout" } }],
      },
    });
    const enough = ["verify", "--url", url(), "--price", "20 sat"];
    expect((await sigil(enough, { env, input: child.toString() })).code).toBe(0);
  });

  test.each([
    ["post", "--method must be in upper case. Did you mean POST?"],
    ["frob", "--method must be in upper case."],
  ])("the method %s is not guessed", async (method, reason) => {
    const args = ["verify", "--url", url(), "--method", method];
    const run = await sigil(args, { env, input: spending().toString() });
    expect(run).toMatchObject({ code: 2, stdout: "", stderr: `sigil: ${reason}\n` });
  });

  test("a forged credential ends with 6", async () => {
    const macaroon = macaroonOf(spending());
    const unpaid = hide(Credential.paid(macaroon, "00".repeat(32)));
    const run = await sigil(["verify", "--url", url(), "--json"], {
      env,
      input: unpaid.toString(),
    });
    expect(run.code).toBe(6);
    expect(JSON.parse(run.stdout)).toMatchObject({
      granted: false,
      genuine: false,
      error: { code: "ERR_TOKEN_PREIMAGE" },
    });
    const elsewhere = await sigil(["verify", "--url", url()], {
      env: { SIGIL_SECRET: secret },
      input: spending().toString(),
    });
    expect(elsewhere.code).toBe(6);
  });

  test("needs a URL and a secret", async () => {
    const input = spending().toString();
    expect((await sigil(["verify"], { env, input })).code).toBe(2);
    expect((await sigil(["verify", "--url", "ftp://a.example/"], { env, input })).code).toBe(2);
    expect((await sigil(["verify", "--url", url()], { input })).code).toBe(2);
    expect((await sigil(["verify", "--url", url()], { env })).code).toBe(6);
  });
});

describe("sigil get", () => {
  const paid = () => `paid 10 sat and 0.01 sat of routing fee to ${service.url}\n`;

  test("fetches a free resource without a credential", async () => {
    expect(await sigil(["get", `${service.url}/free`])).toMatchObject({
      code: 0,
      stdout: "free\n",
      stderr: "",
    });
  });

  test.each(["environment", "stdin", "file"])(
    "pays with the credential of the %s",
    async (from) => {
      const credential = spending();
      const file = join(folder, "credential");
      writeFileSync(file, `${credential}\n`);
      const more = {
        stdin: ["--credential", "-"],
        environment: [],
        file: ["--credential-file", file],
      }[from]!;
      const run = await sigil(["get", `${service.url}/paid`, ...more], {
        ...(from === "stdin" && { input: credential.toString() }),
        ...(from === "environment" && withCredential(credential)),
      });
      expect(run).toMatchObject({ code: 0, stdout: "sunny\n", stderr: paid() });
    },
  );

  test("pays from a wallet if there is no credential", async () => {
    const env = { SIGIL_WALLET: ownerWallet };
    expect(await sigil(["get", `${service.url}/paid`], { env })).toMatchObject({
      code: 0,
      stdout: "sunny\n",
      stderr: paid(),
    });
    const before = paidPayments();
    for (const most of ["9 sat", "5 usd"]) {
      const run = await sigil(["get", `${service.url}/paid`, "--max-price", most], { env });
      expect(run, most).toMatchObject({ code: 3, stdout: "" });
    }
    expect(paidPayments()).toBe(before);
  });

  test("sends method, header fields and body as curl does", async () => {
    const url = `${service.url}/echo`;
    expect((await sigil(["get", url, "-d", "a=1"])).stdout).toBe(
      "application/x-www-form-urlencoded a=1",
    );
    const file = join(folder, "body");
    writeFileSync(file, "{}");
    const args = [
      "get",
      url,
      "-X",
      "put",
      "-H",
      "content-type: application/json",
      "--data",
      `@${file}`,
    ];
    expect((await sigil(args)).stdout).toBe("application/json {}");
    expect(seen).toEqual(["POST /echo", "PUT /echo"]);
    expect((await sigil(["get", url, "-d", "@-"], { input: "piped" })).stdout).toContain(" piped");
    expect(
      (await sigil(["get", url, "-d", "@-", "--credential", "-"], { input: "piped" })).code,
    ).toBe(2);
  });

  test("-o writes the body to a file, and -i prints the head before it", async () => {
    const file = join(folder, "body-out");
    const written = await sigil(["get", `${service.url}/bytes`, "-o", file]);
    expect(written).toMatchObject({ code: 0, stdout: "" });
    expect([...readFileSync(file)]).toEqual([0, 255, 254]);
    const { stdout } = await sigil(["get", `${service.url}/free`, "-i"]);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\n(?:[a-z-]+: .+\n)*x-kind: free\n\nfree\n$/);
    expect(
      (await sigil(["get", `${service.url}/free`, "-o", join(folder, "no/such/folder")])).code,
    ).toBe(2);
  });

  test("as JSON, amounts are decimal strings of msat", async () => {
    const run = await sigil(["get", `${service.url}/paid`, "--json"], withCredential(spending()));
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(run.stdout)).toMatchObject({
      status: 200,
      body: "sunny\n",
      paid: [
        {
          origin: service.url,
          paymentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
          amount: { unit: "msat", value: "10000" },
          fee: { unit: "msat", value: "10" },
        },
      ],
    });
    const bytes = JSON.parse((await sigil(["get", `${service.url}/bytes`, "--json"])).stdout);
    expect(bytes).toMatchObject({ bodyBase64: "AP/+", paid: [] });
  });

  test("prints the body of an error status, and ends with 1", async () => {
    const run = await sigil(["get", `${service.url}/missing`]);
    expect(run).toMatchObject({
      code: 1,
      stdout: "nothing here\n",
      stderr: "sigil: HTTP 404 Not Found\n",
    });
    const json = await sigil(["get", `${service.url}/missing`, "--json"]);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ status: 404, body: "nothing here\n" });
  });

  test("denies a request out of scope before sending it, and ends with 3", async () => {
    const credential = hide(spending().attenuate({ endpoints: [`GET ${service.url}/other`] }));
    const run = await sigil(["get", `${service.url}/paid`], withCredential(credential));
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toContain(
      `you have GET ${service.url}/other; you need GET ${service.url}/paid`,
    );
    expect(seen).toEqual([]);
  });

  test("pays nothing for a price above --max-price, and ends with 3", async () => {
    const before = paidPayments();
    const args = ["get", `${service.url}/paid`, "--max-price", "9 sat"];
    const run = await sigil(args, withCredential(spending()));
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toContain("max_price_msat: you have at most 9 sat at once; you need 10 sat");
    expect(paidPayments()).toBe(before);
    const inDollars = ["get", `${service.url}/paid`, "--max-price", "5 usd"];
    expect(await sigil(inDollars, withCredential(spending()))).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("max_price_msat: you have at most 0 sat at once"),
    });
    expect(paidPayments()).toBe(before);
    expect((await sigil([...args, "--max-price", "8 sat"], withCredential(spending()))).code).toBe(
      2,
    );
    const both = [...inDollars, "--max-price", "10 sat"];
    expect((await sigil(both, withCredential(spending()))).code).toBe(0);
    const dearEnough = ["get", `${service.url}/paid`, "--max-price", "10 sat"];
    expect((await sigil(dearEnough, withCredential(spending()))).code).toBe(0);
  });

  test("pays nothing from a budget with too little left, and ends with 4", async () => {
    const before = paidPayments();
    const run = await sigil(
      ["get", `${service.url}/paid`, "--json"],
      withCredential(spending({ budget: "5 sat" })),
    );
    expect(run.code).toBe(4);
    expect(JSON.parse(run.stdout).error).toMatchObject({
      code: "ERR_BUDGET",
      spent: "no",
      refusals: [{ condition: "budget_msat", have: "5 sat left of 5 sat" }],
    });
    expect(paidPayments()).toBe(before);
  });

  test("says that a failed payment spent nothing, and ends with 5", async () => {
    network.fault({ on: "pay", account: "owner", kind: "fails", times: 1 });
    const run = await sigil(["get", `${service.url}/paid`, "--json"], withCredential(spending()));
    expect(run.code).toBe(5);
    expect(JSON.parse(run.stdout).error).toMatchObject({ code: "ERR_PAYMENT_FAILED", spent: "no" });
  });

  test.each(["wallet", "credential"])(
    "reports a payment from a %s that the service did not deliver for, and ends with 5",
    async (from) => {
      const env = () =>
        from === "wallet"
          ? { SIGIL_WALLET: ownerWallet }
          : { SIGIL_CREDENTIAL: spending().toString() };
      const kept =
        from === "wallet"
          ? "This command does not keep the purchase."
          : "The treasury keeps the purchase: the same call again uses it before it pays.";
      const fact = `Paid 10 sat, but the service answered HTTP 500 and delivered nothing. ${kept}`;
      const run = await sigil(["get", `${service.url}/broken`], { env: env() });
      expect(run).toMatchObject({
        code: 5,
        stdout: "sorry\n",
        stderr: `${paid()}sigil: ${fact}\n`,
      });
      const json = await sigil(["get", `${service.url}/broken`, "--json"], { env: env() });
      expect(json).toMatchObject({ code: 5, stderr: "" });
      expect(JSON.parse(json.stdout)).toMatchObject({
        status: 500,
        body: "sorry\n",
        paid: [{ amount: { unit: "msat", value: "10000" } }],
        error: { code: "ERR_PAID_NOT_DELIVERED", message: fact, spent: "yes" },
      });
    },
  );

  test("uses what a treasury bought for an earlier process that got no answer", async () => {
    const env = { SIGIL_CREDENTIAL: spending().toString() };
    const before = paidPayments();
    const codes: (number | null)[] = [];
    for (let times = 0; times < 2; times++)
      codes.push((await sigilProcess(["get", `${service.url}/broken`], { env })).code);
    // The first call says that it paid in vain, the second one that the service failed.
    expect(codes).toEqual([5, 1]);
    expect(paidPayments()).toBe(before + 1);
  });

  test("pays for each answer, in a process of its own each, and accuses nobody", async () => {
    const env = { SIGIL_CREDENTIAL: spending().toString() };
    const before = paidPayments();
    for (let times = 1; times <= 3; times++) {
      seen.length = 0;
      expect((await sigilProcess(["get", `${service.url}/paid`], { env })).code).toBe(0);
      expect(paidPayments()).toBe(before + times);
      // By the client, by the treasury, and with what it bought: what the process before bought is
      // not tried, because that process said that it has the answer.
      expect(seen).toEqual(Array(3).fill("GET /paid"));
    }
  });

  test("pays once for two processes with one Idempotency-Key of which the first got no answer", async () => {
    const env = { SIGIL_CREDENTIAL: spending().toString() };
    const before = paidPayments();
    const args = ["get", `${service.url}/broken`, "-H", "Idempotency-Key: once"];
    for (let times = 0; times < 2; times++) await sigilProcess(args, { env });
    expect(paidPayments()).toBe(before + 1);
  });

  test("says that an earlier payment was used, if a process before it paid for the same order", async () => {
    const env = { SIGIL_CREDENTIAL: spending().toString() };
    const before = paidPayments();
    const args = ["get", `${service.url}/paid`, "-H", "Idempotency-Key: told-once"];
    const runs = [await sigilProcess(args, { env }), await sigilProcess(args, { env })];
    const used = paid().replace("paid", "used an earlier payment of");
    expect(runs).toMatchObject([
      { code: 0, stdout: "sunny\n", stderr: paid() },
      { code: 0, stdout: "sunny\n", stderr: used },
    ]);
    const json = JSON.parse((await sigilProcess([...args, "--json"], { env })).stdout);
    expect(json).toMatchObject({ paid: [], paidEarlier: [{ amount: { value: "10000" } }] });
    expect(paidPayments()).toBe(before + 1);
  });

  test("reports the payment if the body breaks off, and ends with 5", async () => {
    const env = { SIGIL_CREDENTIAL: spending().toString() };
    const run = await sigil(["get", `${service.url}/cut`], { env });
    expect(run.code).toBe(5);
    expect(run.stderr).toContain(paid());
    expect(run.stderr).toContain("ERR_PAID_NOT_DELIVERED");
    expect(run.stderr).toContain("broke off its answer");
  });

  test("on a terminal, the payment is on a line of its own", async () => {
    const env = { SIGIL_WALLET: ownerWallet };
    const args = ["get", `${service.url}/unfinished`];
    const run = await sigil(args, { env, isTerminal: true });
    expect(run).toMatchObject({ code: 0, stdout: "sunny\n", stderr: paid() });
    expect((await sigil(args, { env })).stdout).toBe("sunny");
  });

  test("the help says that each call counts from zero, and what is not kept", async () => {
    const { stdout } = await sigil(["get", "--help"]);
    const text = stdout.replaceAll(/\s+/g, " ");
    expect(text).toContain(
      "100 sat a request, 1,000 sat a day, 10,000 sat in total (--max-price replaces the first)",
    );
    expect(text).toContain("Every call starts to count from zero");
    expect(text).toContain("what a wallet has bought is not kept: the next call pays again");
    expect(text).toContain("refuse a higher price before paying");
  });

  test("says what to set if there is nothing to pay with, and ends with 5", async () => {
    const run = await sigil(["get", `${service.url}/paid`]);
    expect(run).toMatchObject({ code: 5, stdout: "" });
    expect(run.stderr).toContain("Set SIGIL_CREDENTIAL");
    expect(run.stderr).toContain("asks for payment of 10 sat.");
    expect(run.stderr).toContain("ERR_PAYMENT_REQUIRED, spent: no");
  });

  test("ends with 6 for a malformed credential", async () => {
    const run = await sigil(["get", `${service.url}/paid`], {
      env: { SIGIL_CREDENTIAL: "rubbish" },
    });
    expect(run).toMatchObject({ code: 6, stdout: "" });
    expect(seen).toEqual([]);
  });

  test("ends with 6 for a credential that the treasury did not mint", async () => {
    const location = treasury.url;
    const forged = hide(
      new Authority({ secret, location, kind: "spending" }).minter.mint({
        endpoints: [`GET ${service.url}/**`],
        budget: "1000 sat",
        expiresIn: "1h",
      }),
    );
    const run = await sigil(["get", `${service.url}/paid`, "--json"], withCredential(forged));
    expect(run.code).toBe(6);
    expect(JSON.parse(run.stdout).error.code).toMatch(/^ERR_TOKEN_/);
  });

  test("ends with 7 if a service, treasury or wallet cannot be reached", async () => {
    const gone = await serve(() => new Response());
    await gone.close();
    expect((await sigil(["get", gone.url])).code).toBe(7);
    const lost = hide(
      new Authority({ secret, location: gone.url, kind: "spending" }).minter.mint({
        endpoints: [`GET ${service.url}/**`],
        budget: "1000 sat",
        expiresIn: "1h",
      }),
    );
    const run = await sigil(["get", `${service.url}/paid`, "--json"], withCredential(lost));
    expect(run.code).toBe(7);
    expect(JSON.parse(run.stdout).error.code).toBe("ERR_TREASURY");
    const wallet = await sigil(["get", `${service.url}/paid`], {
      env: { SIGIL_WALLET: `nostr:${secret}` },
    });
    expect(wallet).toMatchObject({ code: 7, stdout: "" });
    expect(wallet.stderr).toContain(
      "The wallet's URL, such as that in SIGIL_WALLET, is not the URL of a wallet. It must begin with one of these schemes: ",
    );
    const broken = await sigil(["get", `${service.url}/paid`], {
      env: { SIGIL_WALLET: `dev+http:${secret}` },
    });
    expect(broken).toMatchObject({ code: 7, stdout: "" });
  });

  /** Without a DNS resolver, it is unknown whether the host exists. */
  const NO_SUCH_HOST =
    /^sigil: (?:The host nowhere\.invalid does not exist\.|The name nowhere\.invalid cannot be resolved now\.)/;

  test("names the unreachable host and the reason, and ends with 7", async () => {
    const gone = await serve(() => new Response());
    await gone.close();
    const { host } = new URL(gone.url);
    const plain = new URL(service.url).host;
    for (const [address, reason] of [
      [gone.url, `sigil: Nothing listens on ${host}.`],
      ["http://nowhere.invalid/x?key=y", NO_SUCH_HOST],
      [`https://${plain}/free`, `sigil: ${plain} does not use TLS.`],
    ] as const) {
      const run = await sigil(["get", address]);
      expect(run).toMatchObject({ code: 7, stdout: "" });
      expect(run.stderr).toMatch(reason);
      expect(run.stderr).not.toContain("key=y");
    }
  });
});
