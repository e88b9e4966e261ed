/** `sigil keys` and `sigil mint --form biscuit`, and a paywall that trusts what they publish. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "l8nt";
import { Paywall } from "l8nt/service";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { ended, sigil, spawned } from "./support/sigil.ts";

const folder = mkdtempSync(join(tmpdir(), "sigil-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

const issuer = "https://treasury.example";
const location = "https://api.example";
const SCOPE = ["--endpoint", `GET ${location}/**`, "--expires-in", "1h"];

let files = 0;
async function made(...flags: readonly string[]): Promise<string> {
  const file = join(folder, `keys-${files++}.json`);
  expect((await sigil(["keys", "new", "--issuer", issuer, "--keys", file, ...flags])).code).toBe(0);
  return file;
}

const run = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout } = await sigil(args);
  expect(code).toBe(0);
  return stdout;
};

const minted = async (file: string, ...flags: readonly string[]): Promise<string> =>
  (await run("mint", "--form", "biscuit", "--keys", file, ...SCOPE, ...flags)).trim();

/** The secret bytes of a file of keys, as hex. */
const secretsOf = (file: string): readonly string[] =>
  (JSON.parse(readFileSync(file, "utf8")) as { keys: { privateKey: string }[] }).keys.map(
    ({ privateKey }) => privateKey,
  );

async function codeAt(paywall: Paywall, credential: string): Promise<string> {
  const headers = { authorization: `L402 ${credential}` };
  const decision = await paywall.authorize(new Request(`${location}/a`, { headers }));
  if (decision.granted) return "granted";
  return ((await decision.response.json()) as { code: string }).code;
}

describe("an issuer in the terminal", () => {
  test("mints what a service takes that read the published page alone", async () => {
    const file = await made();
    const page = await run("keys", "publish", "--keys", file);
    const fetcher = async () => Response.json(JSON.parse(page));
    const paywall = new Paywall({ location, trust: [issuer], fetch: fetcher as typeof fetch });
    expect(await codeAt(paywall, await minted(file))).toBe("granted");
    expect(await codeAt(paywall, await minted(file, "--key-form"))).toBe("granted");
    expect(await codeAt(paywall, await minted(await made()))).toBe("ERR_TOKEN_FORGED");
    const child = await sigil(["delegate", "--agent", "a", "--endpoint", `GET ${location}/b`], {
      SIGIL_CREDENTIAL: await minted(file),
    });
    expect(await codeAt(paywall, child.stdout.trim())).toBe("ERR_ENDPOINT");
  });

  test("rotates without a gap: the new key is published, and does not mint yet", async () => {
    const file = await made();
    const before = await run("keys", "publish", "--keys", file);
    await run("keys", "rotate", "--keys", file);
    const after = await run("keys", "publish", "--keys", file);
    expect(JSON.parse(after)).toHaveLength(2);
    const late = await minted(file);
    for (const page of [before, after]) {
      const fetcher = async () => Response.json(JSON.parse(page));
      const paywall = new Paywall({ location, trust: [issuer], fetch: fetcher as typeof fetch });
      expect(await codeAt(paywall, late)).toBe("granted");
    }
    expect(await run("keys", "list", "--keys", file)).toMatch(
      /key 0 {2}mints\n[\s\S]+key 1 {2}mints from \d{4}-\d\d-\d\d \d\d:\d\d UTC\n/,
    );
    expect(await run("keys", "retire", "--id", "0", "--keys", file)).toMatch(
      /^key 1 mints at once: [^\n]+\ntook key 0 off; /,
    );
    const last = await run("keys", "publish", "--keys", file);
    const fetcher = async () => Response.json(JSON.parse(last));
    const paywall = new Paywall({ location, trust: [issuer], fetch: fetcher as typeof fetch });
    expect(await codeAt(paywall, late)).toBe("ERR_TOKEN_KEY");
    expect(await codeAt(paywall, await minted(file))).toBe("granted");
  });

  test("keeps the keys in a file that others cannot read, and prints none", async () => {
    const file = await made();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const shown: string[] = [];
    for (const args of [["list"], ["publish"], ["rotate"], ["list"], ["retire", "--id", "0"]])
      for (const more of [[], ["--json"]]) {
        const { stdout, stderr } = await sigil(["keys", ...args, "--keys", file, ...more]);
        shown.push(stdout, stderr);
        for (const secret of secretsOf(file)) expect(shown.join("")).not.toContain(secret);
      }
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("writes over no file, and reads none that others can", async () => {
    const file = await made();
    const text = readFileSync(file, "utf8");
    const again = await sigil(["keys", "new", "--issuer", issuer, "--keys", file]);
    expect(again).toMatchObject({ code: 2, stdout: "" });
    expect(again.stderr).toContain("is there already, and is not overwritten");
    expect(readFileSync(file, "utf8")).toBe(text);
    chmodSync(file, 0o644);
    for (const args of [
      ["keys", "list"],
      ["keys", "rotate"],
      ["mint", "--form", "biscuit", ...SCOPE],
    ]) {
      const refused = await sigil([...args, "--keys", file]);
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toContain("The file of --keys can be read by others. Run chmod 600");
    }
  });

  test("warns of limits that nobody counts, and of an end that comes sooner", async () => {
    const file = await made("--expires-in", "30m");
    const args = ["mint", "--form", "biscuit", "--keys", file, ...SCOPE];
    expect((await sigil([...args, "--max-uses", "5"])).stderr).toContain(
      "no service counts max_uses unless --ledger names its location",
    );
    const bound = await sigil([...args, "--max-uses", "5", "--ledger", location]);
    expect(bound.stderr).not.toContain("counts");
    expect(bound.stderr).toMatch(/key 0 ends at .+, and the credential with it/);
  });

  test("refuses an end that the file cannot hold, and leaves what was there", async () => {
    const file = await made();
    const text = readFileSync(file, "utf8");
    for (const end of ["3000000d", "100000000d"]) {
      const rotated = await sigil(["keys", "rotate", "--keys", file, "--expires-in", end]);
      expect(rotated).toMatchObject({ code: 2, stdout: "" });
      expect(rotated.stderr).toContain("must be before the year 10000");
      expect(readFileSync(file, "utf8")).toBe(text);
      const other = join(folder, `never-${end}.json`);
      const args = ["keys", "new", "--issuer", issuer, "--keys", other, "--expires-in", end];
      expect(await sigil(args)).toMatchObject({ code: 2, stdout: "" });
      expect(existsSync(other)).toBe(false);
    }
    await run("keys", "rotate", "--keys", file, "--expires-in", "2500000d");
    expect(await run("keys", "list", "--keys", file)).toContain("key 1");
    expect(readdirSync(folder).filter((name) => name.includes("unfinished"))).toEqual([]);
  });

  test("is changed by one program at a time", async () => {
    const file = await made();
    const text = readFileSync(file, "utf8");
    // What another one leaves that was ended in the middle, or that is at it.
    writeFileSync(`${file}.unfinished`, "");
    for (const args of [["rotate"], ["retire", "--id", "0"]]) {
      const { code, stderr } = await sigil(["keys", ...args, "--keys", file]);
      expect(code).toBe(2);
      expect(stderr).toContain("is being changed by another `sigil keys`");
      expect(stderr.replaceAll(/\s+/g, "")).toContain(`${file}.unfinished`);
    }
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(await run("keys", "list", "--keys", file)).toContain("key 0");
    rmSync(`${file}.unfinished`);
    await run("keys", "rotate", "--keys", file);
  });

  test("keeps all keys when the disk takes a part of the file alone", async () => {
    const file = await made();
    for (let more = 0; more < 6; more++) await run("keys", "rotate", "--keys", file);
    const text = readFileSync(file, "utf8");
    // Blocks of 1,024 bytes: fewer than the file has.
    const cut = ["sh", "-c", 'ulimit -f 1; exec "$0" "$@"'];
    const { code, stdout } = await ended(spawned(["keys", "rotate", "--keys", file], {}, cut));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(existsSync(`${file}.unfinished`)).toBe(false);
  });

  test("gives no id twice, however many rotate at once", async () => {
    const file = await made();
    const at = ["keys", "rotate", "--keys", file, "--json"];
    const all = await Promise.all([1, 2, 3, 4].map(() => ended(spawned(at))));
    const done = all.filter(({ code }) => code === 0);
    expect(done.length).toBeGreaterThan(0);
    const keysOf = (text: string) => (JSON.parse(text) as { keys: { publicKey: string }[] }).keys;
    const kept = keysOf(await run("keys", "list", "--keys", file, "--json"));
    expect(kept).toHaveLength(done.length + 1);
    const made1 = new Set(done.map(({ stdout }) => keysOf(stdout).at(-1)!.publicKey));
    expect(new Set(kept.slice(1).map(({ publicKey }) => publicKey))).toEqual(made1);
  });

  test.each([
    [["keys"], "Missing verb"],
    [["keys", "make"], "Unknown verb make"],
    [["keys", "new", "--keys", "x"], "Missing --issuer ORIGIN"],
    [
      ["keys", "new", "--issuer", "treasury.example", "--keys", "x"],
      "an issuer is an http(s) origin",
    ],
    [["keys", "new", "--issuer", issuer], "Missing --keys FILE"],
    [["keys", "list", "--issuer", issuer, "--keys", "x"], "sigil keys list takes no --issuer."],
    [["keys", "retire", "--keys", "x"], "Missing --id N"],
    [["keys", "list", "--keys", "/nothing/here"], "The file of --keys"],
    [["mint", "--form", "biscuit", ...SCOPE], "Missing --keys FILE"],
    [["mint", "--form", "jwt", ...SCOPE], "--form must be macaroon or biscuit."],
    [["mint", "--keys", "x", ...SCOPE], "--keys is for --form biscuit."],
    [["mint", "--form", "biscuit", "--secret-file", "x", ...SCOPE], "neither --secret-file"],
  ])("says what is wrong: sigil %j", async (args, message) => {
    const { code, stdout, stderr } = await sigil(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.toLowerCase()).toContain(message.toLowerCase());
  });
});

describe("the key of an agent", () => {
  test("is made once, for its owner alone, and its thumbprint is printed each time", async () => {
    const file = join(folder, "agent.key");
    const first = await sigil(["keys", "holder", "--keys", file]);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^[\w-]{43}\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const key = readFileSync(file, "utf8").trim();
    expect(first.stdout + first.stderr).not.toContain(key);
    expect(await run("keys", "holder", "--keys", file)).toBe(first.stdout);
    const ring = await sigil(["keys", "list", "--keys", file]);
    expect(ring.stderr).toContain("sigil keys new");
    const wrong = await sigil(["get", location], { SIGIL_HOLDER_KEY: "xyz" });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("64 hex digits")]);
    const issuerFile = await made();
    const page = await run("keys", "publish", "--keys", issuerFile);
    const fetcher = async () => Response.json(JSON.parse(page));
    const paywall = new Paywall({ location, trust: [issuer], fetch: fetcher as typeof fetch });
    const child = await sigil(["delegate", "--agent", "a", "--holder", first.stdout.trim()], {
      SIGIL_CREDENTIAL: await minted(issuerFile, "--location", location),
    });
    expect(await codeAt(paywall, child.stdout.trim())).toBe("ERR_HOLDER");
    const service = async (input: string | URL | Request, init?: RequestInit) => {
      const decision = await paywall.authorize(new Request(input, init));
      return decision.granted ? decision.settle(new Response("served")) : decision.response;
    };
    const agent = new Client({ credential: child.stdout.trim(), holderKey: key, fetch: service });
    expect(await (await agent.get(`${location}/a`)).text()).toBe("served");
  });

  test("is no other file, and none that others read", async () => {
    const ring = await sigil(["keys", "holder", "--keys", await made()]);
    expect(ring.code).toBe(2);
    expect(ring.stderr).toContain("64 hex digits");
    const file = join(folder, "open.key");
    await run("keys", "holder", "--keys", file);
    chmodSync(file, 0o644);
    const open = await sigil(["keys", "holder", "--keys", file]);
    expect(open.code).toBe(2);
    expect(open.stderr).toContain("chmod 600");
    expect((await sigil(["keys", "holder", "--issuer", issuer, "--keys", file])).code).toBe(2);
  });
});

describe("sigil verify of the public-key form", () => {
  const url = `${location}/a`;
  const pageOf = async (keys: string): Promise<string> => {
    const file = join(folder, `page-${files++}`);
    writeFileSync(file, await run("keys", "publish", "--keys", keys));
    return file;
  };
  const verify = (credential: string, ...flags: readonly string[]) =>
    sigil(["verify", "--url", url, ...flags], {}, { input: credential });

  test("grants with the page of its issuer, and needs no secret", async () => {
    const keys = await made();
    const page = await pageOf(keys);
    const { stdout: child } = await sigil(["delegate", "--agent", "scout"], {
      SIGIL_CREDENTIAL: await minted(keys),
    });
    for (const trust of [[], ["--trust", issuer], ["--trust", `${issuer}/`]])
      expect(await verify(child, "--key-page", page, ...trust)).toMatchObject({
        code: 0,
        stdout: "granted to scout, which ends in 60 min\n",
        stderr: "",
      });
    const { stdout } = await verify(child, "--key-page", page, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ granted: true, genuine: true, lineage: ["scout"] });
  });

  test("fetches the keys of an issuer that is trusted", async () => {
    const keys = join(folder, `keys-${files++}.json`);
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "application/json").end(page);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await run("keys", "new", "--issuer", origin, "--keys", keys);
    const page = await run("keys", "publish", "--keys", keys);
    const credential = await minted(keys);
    expect(await verify(credential, "--trust", origin)).toMatchObject({ code: 0, stderr: "" });
    server.close();
    server.closeAllConnections();
    const gone = await verify(credential, "--trust", origin);
    expect(gone).toMatchObject({ code: 7, stdout: "" });
    expect(gone.stderr).toContain(`sigil: the keys of ${origin} could not be had`);
    expect(gone.stderr).toContain("ERR_KEYS_UNREACHABLE");
  });

  test.each<[string, string, readonly string[], number, string]>([
    ["another issuer", "", ["--trust", "https://other.example"], 6, "ERR_TOKEN_ISSUER"],
    ["another request", "", ["--method", "POST"], 3, "ERR_ENDPOINT"],
    ["a limit without a ledger", "--max-uses=3", [], 3, "ERR_USES"],
    ["a limit of this ledger", `--max-uses=3 --ledger=${location}`, [], 0, "not judged"],
    ["a limit of another ledger", "--max-uses=3 --ledger=https://b.example", [], 3, "ERR_LEDGER"],
    [
      "a limit of a location with a path",
      `--max-uses=3 --ledger=${location}/v1`,
      ["--ledger", `${location}/v1/`],
      0,
      "not judged",
    ],
    [
      "a limit of another path",
      `--max-uses=3 --ledger=${location}/v1`,
      ["--ledger", `${location}/v2`],
      3,
      "ERR_LEDGER",
    ],
    [
      "a limit of the ledger that is named",
      "--max-uses=3 --ledger=https://b.example",
      ["--ledger", "https://b.example"],
      0,
      "not judged",
    ],
  ])("%s", async (_name, scope, flags, code, words) => {
    const keys = await made();
    const credential = await minted(keys, ...scope.split(" ").filter(Boolean));
    const ended = await verify(credential, "--key-page", await pageOf(keys), ...flags);
    expect(ended.code).toBe(code);
    expect(ended.stdout + ended.stderr).toContain(words);
  });

  test("a key that is not the issuer's, and an altered credential, are forged", async () => {
    const credential = await minted(await made());
    const other = await pageOf(await made());
    const { code, stdout } = await verify(credential, "--key-page", other, "--json");
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toMatchObject({
      granted: false,
      genuine: false,
      error: { code: "ERR_TOKEN_FORGED" },
    });
  });

  test("says which flags each form takes", async () => {
    const keys = await made();
    const page = await pageOf(keys);
    const credential = await minted(keys);
    const env = { SIGIL_SECRET: createHash("sha256").update("a secret").digest("hex") };
    const { stdout: macaroon } = await sigil(
      ["mint", "--kind", "access", "--location", location, ...SCOPE],
      env,
    );
    for (const [text, flags, words] of [
      [credential, [], "Give --trust ORIGIN"],
      [credential, ["--key-page", page, "--kind", "access"], "takes no --kind"],
      [credential, ["--trust", "http://treasury.example"], "must be an https origin"],
      [credential, ["--key-page", keys], "is not a page of keys"],
      [credential, ["--key-page", join(folder, "none")], "is not there"],
      [macaroon, ["--trust", issuer], "The credential is a macaroon"],
      [macaroon, ["--ledger", location], "The credential is a macaroon"],
    ] as const) {
      const ended = await sigil(["verify", "--url", url, ...flags], env, { input: text });
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain(words);
    }
    expect((await sigil(["verify", "--url", url], env, { input: macaroon })).code).toBe(0);
  });
});
