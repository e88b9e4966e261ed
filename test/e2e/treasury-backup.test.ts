/**
 * Backup and restore by the program: what was paid after the backup is paid for once, whatever
 * database is in the folder. The dev network's payments decide.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
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
import { type Daemon, daemon, sigil } from "./support/sigil.ts";

const SECRET = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
/** A payment of 10 sat with its fee. */
const COST = 10_010n;

async function stage(budget = "100 sat") {
  const folder = mkdtempSync(join(tmpdir(), "sigil-backup-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dir = join(folder, "treasury");
  const location = `http://127.0.0.1:${await freePort()}`;
  const init = ["treasury", "init", "--dir", dir, "--location", location, "--budget", budget];
  expect(await sigil(init)).toMatchObject({ code: 0 });
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
    return wellKnown(
      paywall,
      paidListener(
        paywall,
        { price: "10 sat" },
        (_request, response) => void response.end("sunny"),
      ),
    );
  });
  const credential = Credential.parse(readFileSync(join(dir, "agent.credential"), "utf8").trim());
  const client = new Client({ credential });
  let serial = 0;
  return {
    folder,
    dir,
    net,
    wallet,
    /** The agent's request for something new: "sunny", or the code of the error. */
    get: () =>
      client.get(`${url}/${++serial}`).then(
        (response) => response.text(),
        (error: { code: string }) => error.code,
      ),
    paid: () =>
      net.payments().filter(({ status, payer }) => status === "paid" && payer === "treasury")
        .length,
    run: (...args: string[]) => sigil(["treasury", ...args, "--dir", dir]),
  };
}

async function bought(daemons: Daemon, get: () => Promise<string>, times: number): Promise<void> {
  for (let turn = 0; turn < times; turn++) expect(await get()).toBe("sunny");
  await daemons.stop();
}

test("pay, back up, pay more, restore, start: nothing is spent until it is explained, then what is left, and no receipt is lost unseen [case 105]", async () => {
  const { folder, dir, wallet, get, paid, run } = await stage();
  const file = join(folder, "backup.db");
  const first = await daemon(dir, wallet);
  for (let turn = 0; turn < 3; turn++) expect(await get()).toBe("sunny");
  const made = await run("backup", file);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining("The key is not in it") });
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(await run("backup", file)).toMatchObject({ code: 7 });
  expect(readdirSync(folder).sort()).toEqual(["backup.db", "treasury"]);
  // Not while it runs.
  expect(await run("restore", file)).toMatchObject({
    code: 7,
    stderr: expect.stringContaining("has it open"),
  });
  await bought(first, get, 4);
  expect(paid()).toBe(7);

  const restored = await run("restore", file);
  expect(restored).toMatchObject({ code: 0, stderr: "" });
  expect(restored.stdout).toMatch(/kept in .*treasury\.db\.before-/);
  // Before the start too: the folder knows that there were more.
  const key = ["--public-key", first.ready.receiptKey];
  const verified = async () => {
    const { stdout } = await sigil(["receipts", "export", "--dir", dir]);
    return sigil(["receipts", "verify", "-", ...key], {}, { input: stdout });
  };
  const lost = { code: 1, stdout: "", stderr: expect.stringMatching(/numbers [2-4] to 7/) };
  expect(await verified()).toMatchObject(lost);

  const second = await daemon(dir, wallet);
  for (let turn = 0; turn < 2; turn++) expect(await get()).toBe("ERR_FROZEN");
  expect(paid()).toBe(7);
  expect(second.printed()).toContain("nothing is spent until the owner has explained");
  const list = await run("unexplained");
  expect(list.stdout).toContain("4 payments that the books cannot explain");
  expect(list.stdout.match(/^.* 10 sat {2}fee 0\.01 sat {2}[0-9a-f]{64} .*$/gm)).toHaveLength(4);
  const [hash] = list.stdout.match(/[0-9a-f]{64}/)!;
  for (const wrong of [
    ["explain", hash!],
    ["explain", hash!, "--own", "--late"],
    ["explain", "--own"],
    ["explain", "abc", "--own"],
    ["explain", hash!, "--node", "nobody"],
  ])
    expect(await run(...wrong)).toMatchObject({ code: 2 });
  const { nodes } = JSON.parse((await sigil(["tree", "--dir", dir, "--json"])).stdout) as {
    nodes: { id: string; spent: { value: string }[] }[];
  };
  expect(await run("explain", hash!, "--node", nodes[0]!.id)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("3 payments left: nothing is spent"),
  });
  expect(await get()).toBe("ERR_FROZEN");
  expect(
    await run("explain", "all", "--node", nodes[0]!.id, "--reason", "the lost day"),
  ).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Explained 3 payments. None is left"),
  });
  expect((await run("unexplained")).stdout).toMatch(/^None/);
  const tree = await sigil(["tree", "--dir", dir]);
  expect(tree.stdout).toMatch(/spent 70\.07 of 100 sat/);
  // 29.93 sat are left: two more of 10 sat with a fee cap of 3 sat.
  expect([await get(), await get(), await get()]).toEqual(["sunny", "sunny", "ERR_BUDGET"]);
  await second.stop();
  expect(paid()).toBe(9);
  expect(BigInt(paid()) * COST).toBeLessThanOrEqual(100_000n);

  // The second history has numbers 4 and 5 too, and it is not the only one.
  expect(await verified()).toMatchObject(lost);
  const third = await daemon(dir, wallet);
  expect(await get()).toBe("ERR_BUDGET");
  await third.stop();
  expect((await sigil(["ledger", "verify", "--dir", dir])).stdout).toMatch(/^The books are right/);

  // Nothing that was printed could be spent, or opens the books.
  const secret = readFileSync(join(dir, "key"), "utf8").trim();
  const said = [made, restored, list, tree, await verified()].map(
    ({ stdout, stderr }) => stdout + stderr,
  );
  for (const text of [...said, first.printed(), second.printed()]) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(wallet.split("key=")[1]!);
  }
}, 120_000);

const CHANGES: readonly (readonly [string, (dir: string) => void])[] = [
  ["copied over by hand", () => {}],
  [
    "in another folder, with the key and without newest.json",
    (dir) => rmSync(join(dir, "newest.json")),
  ],
];

test.for(CHANGES)(
  "older books that are %s spend nothing until it is explained [case 105]",
  async ([, change]) => {
    const { folder, dir, wallet, get, paid, run } = await stage();
    const file = join(folder, "backup.db");
    // From before the first payment.
    await run("backup", file);
    await bought(await daemon(dir, wallet), get, 2);
    copyFileSync(file, join(dir, "treasury.db"));
    change(dir);
    const next = await daemon(dir, wallet);
    expect(await get()).toBe("ERR_FROZEN");
    expect(paid()).toBe(2);
    expect((await run("unexplained")).stdout).toContain("2 payments");
    await next.stop();
  },
);

test("an agent that was revoked after the backup stays revoked in the restored books", async () => {
  const { folder, dir, wallet, get, run } = await stage();
  const file = join(folder, "backup.db");
  const first = await daemon(dir, wallet);
  expect(await get()).toBe("sunny");
  expect(await run("backup", file)).toMatchObject({ code: 0 });
  const { stdout } = await sigil(["tree", "--dir", dir, "--json"]);
  const [id] = stdout.match(/[0-9a-f]{32}/)!;
  expect(await sigil(["revoke", id!, "--dir", dir])).toMatchObject({ code: 0 });
  expect(await get()).toBe("ERR_REVOKED");
  await first.stop();
  expect(await run("restore", file)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("stays revoked: one agent"),
  });
  await daemon(dir, wallet);
  expect(await get()).toBe("ERR_REVOKED");
});

test("a copied folder that is started beside the original spends nothing, and the original goes on [case 105]", async () => {
  const { folder, dir, wallet, get, paid } = await stage();
  await bought(await daemon(dir, wallet), get, 1);
  const copy = join(folder, "copy");
  cpSync(dir, copy, { recursive: true });
  chmodSync(copy, 0o700);
  const original = await daemon(dir, wallet);
  expect(await get()).toBe("sunny");
  // At its start the copy finds that the wallet has paid something that is not in its books.
  const socket = join(folder, "copy.sock");
  const other = await daemon(copy, wallet, ["--socket", socket]);
  const health = await sigil(["treasury", "unexplained", "--dir", copy, "--socket", socket]);
  expect(health).toMatchObject({ code: 0, stderr: "" });
  expect(health.stdout).toContain("1 payment that the books cannot explain");
  // Once that is explained, it still does not spend beside the original.
  expect(other.printed()).toContain("another file than before");
  const asked = ["--dir", copy, "--socket", socket];
  const confirmed = await sigil(["treasury", "confirm", "--reason", "moved", ...asked]);
  expect(confirmed).toMatchObject({ code: 0, stderr: "" });
  expect(await get()).toBe("sunny");
  expect(paid()).toBe(3);
  await Promise.all([original.stop(), other.stop()]);
}, 60_000);

test("a backup of another treasury, and a file that is none, replace nothing", async () => {
  const [one, two] = [await stage(), await stage()];
  const file = join(one.folder, "backup.db");
  await one.run("backup", file);
  const before = readFileSync(join(two.dir, "treasury.db"));
  expect(await two.run("restore", file)).toMatchObject({
    code: 7,
    stderr: expect.stringContaining("not one of the treasury whose key this is"),
  });
  const diary = join(one.folder, "diary");
  writeFileSync(diary, "dear diary");
  expect(await two.run("restore", diary)).toMatchObject({ code: 7 });
  expect(await two.run("restore", join(one.folder, "nothing"))).toMatchObject({ code: 7 });
  expect(await two.run("restore")).toMatchObject({ code: 2 });
  expect(readFileSync(join(two.dir, "treasury.db"))).toEqual(before);
  expect(readdirSync(two.dir).some((name) => name.includes("before"))).toBe(false);
  const env = { SIGIL_STORE: "postgres://127.0.0.1/x" };
  for (const verb of ["backup", "restore"])
    expect(await sigil(["treasury", verb, "x", "--dir", one.dir], env)).toMatchObject({ code: 2 });
});

test("damaged books are replaced by a backup, and kept", async () => {
  const { folder, dir, wallet, get, run } = await stage();
  const file = join(folder, "backup.db");
  await bought(await daemon(dir, wallet), get, 1);
  await run("backup", file);
  writeFileSync(join(dir, "treasury.db"), "x".repeat(10_000));
  expect(await run("restore", file)).toMatchObject({ code: 0 });
  const next = await daemon(dir, wallet);
  expect(await get()).toBe("sunny");
  await next.stop();
  expect(readdirSync(dir).filter((name) => /before-.*Z$/.test(name))).toHaveLength(1);
}, 60_000);

test("init in a place where no folder can be made ends with an error", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-init-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "made"), { mode: 0o700 });
  for (const dir of ["/proc/x", "/proc/x/y", join(folder, "file", "x")])
    expect(await sigil(["treasury", "init", "--dir", dir])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("cannot be made"),
    });
  const deep = join(folder, "made", "a", "b");
  expect(await sigil(["treasury", "init", "--dir", deep])).toMatchObject({ code: 0 });
  expect(statSync(deep).mode & 0o077).toBe(0);
});
