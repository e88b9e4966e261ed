/** The owner's command for a treasury whose clock was ahead of what it is now. [case 109] */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "l8nt";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { DevNetwork } from "l8nt/testing";
import { expect, onTestFinished, test } from "vitest";
import { failure, listen } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { freePort } from "./support/free-port.ts";
import { daemon, sigil } from "./support/sigil.ts";

test("sigil treasury clock shows both times, and --accept ends the stop", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-clock-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dir = join(folder, "treasury");
  const location = `http://127.0.0.1:${await freePort()}`;
  expect(await sigil(["treasury", "init", "--dir", dir, "--location", location])).toMatchObject({
    code: 0,
  });
  const store = await openSqliteStore(join(dir, "treasury.db"));
  await store.note("the clock was two days ahead", Date.now() / 1000 + 2 * 86_400);
  await store.close();

  const net = await DevNetwork.start({});
  onTestFinished(() => net.stop());
  const wallet = net.account("treasury", { balanceMsat: 1_000_000n }).url;
  const running = await daemon(dir, wallet);
  onTestFinished(async () => {
    await running.stop();
  });
  const credential = readFileSync(join(dir, "agent.credential"), "utf8").trim();
  const url = await listen(() => (_request, response) => {
    response.writeHead(402).end();
  });
  const order = () => failure(new Client({ credential }).get(url));

  expect(await order()).toMatchObject({ code: "ERR_TREASURY_STOPPED" });
  const shown = await sigil(["treasury", "clock", "--dir", dir]);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain("sigil treasury clock --accept");
  expect(await sigil(["treasury", "clock", "--accept", "--dir", dir])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Orders are taken."),
  });
  expect(await order()).not.toMatchObject({ code: "ERR_TREASURY_STOPPED" });
});
