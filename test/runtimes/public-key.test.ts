/**
 * Credentials of the public-key form on every runtime: the same checks, with keys that are fetched.
 * spec/9-public-key.md §6.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium } from "../browser/support/page.ts";
import { inChromium } from "./chromium.ts";
import type { LookUp } from "./look-up.ts";
import { bundle, onlineNames, runOnline, serveWorker } from "./runtimes.ts";
import { type OpenTown, openTown } from "./town.ts";

let town: OpenTown;
let onThisNode: readonly string[];
const told = () => {
  const { opener, service, issuer, privateKey, now } = town;
  return { opener, service, issuer, privateKey, now };
};

beforeAll(async () => {
  await bundle("public-key", "look-up");
  town = await openTown();
  const { passed, error } = await runOnline("Node 24", told());
  expect(error).toBeUndefined();
  onThisNode = passed;
});
afterAll(() => town.close());

test.each(onlineNames)("%s passes the same checks", async (name) => {
  const { passed, error } = await runOnline(name, told());
  expect(error).toBeUndefined();
  expect(passed).toEqual(onThisNode);
  expect(passed.length).toBeGreaterThan(7);
});

test.skipIf(!hasChromium).each(["page", "worker"] as const)(
  "a %s of Chromium passes the same checks",
  async (where) => {
    expect(await inChromium(where, told())).toEqual(onThisNode);
  },
);

describe.each(["plain", "node"])("a Worker (%s) whose request ended while it asked", (socket) => {
  const opened = async () => {
    const issuer = await (await fetch(town.opener, { method: "POST" })).text();
    const serves = (served: object) =>
      fetch(`${issuer}/serve`, { method: "POST", body: JSON.stringify(served) });
    const publishes = (keyId: number) =>
      serves({
        body: JSON.stringify([
          { algorithm: "ed25519", key_bytes: "5d".repeat(32), key_id: keyId, issuer },
        ]),
      });
    const worker = await serveWorker("public-key.capnp", ["plain", "node"]);
    const lookUp = (
      keyId: number,
      now: number,
      { signal, isPatient = true }: { signal?: AbortSignal; isPatient?: boolean } = {},
    ) => {
      const body = JSON.stringify({ issuer, keyId, now, isPatient } satisfies LookUp);
      return worker.ask(socket, "/look-up", { method: "POST", body, ...(signal && { signal }) });
    };
    return { worker, serves, publishes, lookUp };
  };

  test("because its client left: who comes next asks again", async () => {
    const { worker, serves, publishes, lookUp } = await opened();
    using _ = worker;
    await serves({ body: "", hangs: true });
    const client = new AbortController();
    const hung = town.hung();
    const left = lookUp(1, 1000, { signal: client.signal }).catch((error: Error) => error.name);
    await hung;
    client.abort();
    expect(await left).toBe("AbortError");
    await publishes(1);
    expect(await lookUp(1, 1000, { isPatient: false })).toBe("found");
  });

  test("because it was answered from the kept page: that is read anew all the same", async () => {
    const { worker, serves, publishes, lookUp } = await opened();
    using _ = worker;
    await publishes(1);
    expect(await lookUp(1, 1000)).toBe("found");
    await serves({ body: "", hangs: true });
    expect(await lookUp(1, 1300)).toBe("found");
    await publishes(2);
    expect(await lookUp(1, 1330)).toBe("ERR_TOKEN_KEY");
    expect(await lookUp(2, 1330)).toBe("found");
  });
});
