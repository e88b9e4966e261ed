/** A gateway whose disk is full, on a small file system of its own. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "./support/free-port.ts";
import { chat, leftOf, openGateway, openVendor, VENDOR_KEY } from "./support/gateway.ts";

const MOUNT = 'mount -t tmpfs -o size=3m none "$0" && exec "$@"';
/** A name space of mounts, in which a program runs that sees a small file system at a place. */
const inside = (place: string) => ["unshare", "-rm", "sh", "-c", MOUNT, place];

const place = mkdtempSync(join(tmpdir(), "sigil-full-"));
const [unshare, ...rest] = inside(place);
const canMount = spawnSync(unshare!, [...rest, "true"]).status === 0;
rmSync(place, { recursive: true });

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOSPC" });
  } finally {
    closeSync(file);
  }
}

test.skipIf(!canMount)(
  "on a full disk metered requests are refused and others served, and all are once there is room",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sigil-full-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const vendor = await openVendor();
    const gateway = await openGateway(
      [
        ...["--preset", "openai", "--upstream", vendor.origin, "--budget", "50 usd"],
        ...["--port", String(await freePort()), "--dir", join(folder, "gateway")],
      ],
      { OPENAI_API_KEY: VENDOR_KEY },
      inside(folder),
    );
    const asked = async () => {
      const response = await chat(gateway, gateway.key);
      return [response.status, JSON.parse(await response.text()).sigil];
    };
    const listed = async () => {
      const authorization = `Bearer ${gateway.key}`;
      return (await fetch(`${gateway.url}/v1/models`, { headers: { authorization } })).status;
    };
    expect(await asked()).toEqual([200, undefined]);
    const filler = `/proc/${gateway.child.pid}/root${folder}/filler`;
    fill(filler);
    const before = vendor.seen.length;
    for (let nth = 0; nth < 5; nth++) expect(await asked()).toEqual([503, "ERR_STORE"]);
    expect(vendor.seen.length).toBe(before);
    expect(await listed()).toBe(200);
    rmSync(filler);
    await expect.poll(async () => (await asked())[0], { timeout: 30_000 }).toBe(200);
    const served = vendor.seen.filter(({ url }) => url.endsWith("/chat/completions")).length;
    const [left] = await leftOf(gateway, gateway.key);
    expect(left).toMatchObject({ used: `${(served * 28) / 10_000} usd`, reserved: "0 usd" });
    expect(await gateway.end("SIGTERM")).toBe(0);
  },
);
