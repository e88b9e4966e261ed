/**
 * A treasury that is killed after a revocation is durable and before the service was told of it:
 * its successor tells the service. spec/4-purchase.md §6. [case 111]
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "l8nt";
import { Authority } from "l8nt/l402";
import { serve } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Link } from "./link.ts";
import { TreasuryProcess } from "./processes.ts";
import { openGround } from "./run.ts";
import { REVOCATIONS } from "./treasury.ts";

let ground: Awaited<ReturnType<typeof openGround>>;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(async () => {
  await ground[Symbol.asyncDispose]();
});

let towns = 0;
const secretOf = (who: string): string => createHash("sha256").update(who).digest("hex");

/** A service that sells passes, and notes what it is told. */
async function openShop(name: string) {
  const heard = { authorization: "", told: 0 };
  let tell = () => {};
  const isTold = new Promise<void>((resolve) => {
    tell = resolve;
  });
  let paywall: Paywall | undefined;
  const { url, close } = await serve(async (request) => {
    heard.authorization = request.headers.get("authorization") ?? heard.authorization;
    const found = await paywall!.wellKnown(request);
    if (found !== undefined) {
      if (request.url.endsWith(REVOCATIONS) && found.ok) {
        heard.told++;
        tell();
      }
      return found;
    }
    const decision = await paywall!.authorize(request);
    return decision.granted ? decision.settle(new Response("served")) : decision.response;
  });
  onTestFinished(close);
  paywall = new Paywall({
    secret: secretOf(`shop of ${name}`),
    location: url,
    invoicer: devWallet(ground.network.account(`${name}-shop`, { balanceMsat: 0n }).invoiceOnlyUrl),
    price: "10 sat",
    grants: { validFor: "1h", endpoints: ["GET /**"] },
    alarm: () => {},
  });
  onTestFinished(() => paywall!.close());
  return { url: `${url}/a`, heard, isTold };
}

/** A treasury that is killed at a point, before a root, its child and the child's own child. */
async function openTown(name: string, point: string, losesRecalls: boolean) {
  const folder = mkdtempSync(join(tmpdir(), "sigil-revocation-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const link = await Link.open(() => false);
  onTestFinished(() => link.close());
  const secret = secretOf(`treasury of ${name}`);
  const authority = new Authority({ secret, location: link.url, kind: "spending" });
  const wallet = ground.network.account(name, { balanceMsat: 1_000_000n }).url;
  const start = async (dies: boolean) => {
    const treasury = await TreasuryProcess.open(ground.processes, {
      orders: {
        secret,
        location: link.url,
        wallet,
        requestTimeout: "30s",
        losesRecalls: dies && losesRecalls,
      },
      database: join(folder, "treasury.db"),
      point: dies ? point : undefined,
      alarm: () => {},
    });
    onTestFinished(() => treasury.close());
    link.upstream = treasury.url;
    return treasury;
  };
  const parent = authority.minter.mint({
    endpoints: ["* http://127.0.0.1:*/**"],
    budget: "1000 sat",
    expiresIn: "1h",
  });
  const child = parent.delegate({ agent: "child" });
  const childId = authority.verifier.authenticate(child).node.id;
  return { start, parent, child, childId };
}

const BETWEEN = [
  ["the revocation is durable, and its recalls are not", "store.addDirective after", true],
  ["the revocation and its recalls are durable", "recall before", false],
] as const;

test.each(
  BETWEEN.flatMap(([what, point, loses]) =>
    (["the owner", "the parent"] as const).map((who) => [who, what, point, loses] as const),
  ),
)(
  "where %s revokes an agent and the treasury is killed once %s, the next one tells the service",
  async (who, _what, point, losesRecalls) => {
    const name = `town-${++towns}`;
    const shop = await openShop(name);
    const town = await openTown(name, point, losesRecalls);
    const { parent, child, childId } = town;
    const treasury = await town.start(true);
    const agent = new Client({ credential: child });
    expect((await agent.get(shop.url)).status).toBe(200);
    const { authorization } = shop.heard;
    const present = async () => (await fetch(shop.url, { headers: { authorization } })).status;

    // The parent is told nothing, and its client asks the next treasury.
    const revoking =
      who === "the owner"
        ? treasury.revoke(childId)
        : new Client({ credential: parent }).revoke(child).catch(() => {});
    await treasury.process.exited;
    expect(shop.heard.told).toBe(0);
    expect(await present()).toBe(200);

    await town.start(false);
    await Promise.all([shop.isTold, revoking]);
    expect(await present()).toBe(402);
    await expect(new Client({ credential: child }).get(shop.url)).rejects.toMatchObject({
      code: "ERR_REVOKED",
    });
  },
  60_000,
);
