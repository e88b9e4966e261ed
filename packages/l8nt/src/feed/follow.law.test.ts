/**
 * A revocation holds at every instance; an instance without news denies everything after the stated
 * time, and recovers. [case 111]
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { credentialText, SECRET } from "../../../../test/fuzz/golden.ts";
import type { Access } from "../caveat/index.ts";
import { readOrigin, targetAt } from "../caveat/index.ts";
import { verify } from "../l402/fixtures/verdict.ts";
import { Authority, Credential } from "../l402/index.ts";
import { serve } from "../node/listener.ts";
import { REVOCATIONS_PATH } from "../wire/revocation.ts";
import { CallingLog, LOCATION, NOW, signer } from "./fixtures/world.ts";
import { followRevocations } from "./follow.ts";
import { revocationFeed } from "./publisher.ts";
import { feedSource, storeSource } from "./source.ts";

const target = targetAt("GET", readOrigin(LOCATION)!, "/a")!;

interface World {
  readonly time: { now: number };
  /** The verdict of the other instance. */
  code(credential: Credential | string): string;
  /** Revokes at the first instance; resolves once the other one knows. */
  revoke(credential: Credential): Promise<void>;
  cut(): void;
  mend(): void;
  readonly alarms: string[];
}

async function world(way: "poll" | "stream" | "store"): Promise<World> {
  const time = { now: NOW };
  const clock = () => time.now;
  const log = new CallingLog();
  const first = new Authority({ secret: SECRET, location: LOCATION, clock });
  const second = new Authority({ secret: SECRET, location: LOCATION, clock });
  let isCut = false;
  const open = new Set<AbortController>();
  const source =
    way === "store" ? storeSource(log) : feedSource({ ...(await published()), by: way });
  const alarms: string[] = [];
  const follower = followRevocations(second, source, { clock, alarm: (what) => alarms.push(what) });
  onTestFinished(() => follower.stop());
  await follower.reached();

  async function published() {
    const served = await serve(revocationFeed(log, { key: signer, location: LOCATION, clock }));
    onTestFinished(() => served.close());
    const partitioned: typeof fetch = (input, init) => {
      if (isCut) return Promise.reject(new TypeError("no route to host"));
      const wire = new AbortController();
      open.add(wire);
      return fetch(input, { ...init, signal: AbortSignal.any([wire.signal, init!.signal!]) });
    };
    return { url: served.url + REVOCATIONS_PATH, publicKey: signer.publicKey, fetch: partitioned };
  }

  return {
    time,
    alarms,
    code(credential) {
      const access: Access = { now: time.now, target };
      const verdict = verify(second, credential, access);
      return verdict.granted ? "granted" : verdict.error.code;
    },
    async revoke(credential) {
      const { id } = first.verifier.authenticate(credential).node;
      const seq = await log.addDirective({ kind: "revoke", nodeId: id, at: time.now });
      await follower.reached(seq);
    },
    cut() {
      isCut = true;
      log.fault = new Error("the store is gone");
      for (const wire of open) wire.abort();
    },
    mend() {
      isCut = false;
      log.fault = undefined;
    },
  };
}

describe.each(["poll", "stream", "store"] as const)("by %s", (way) => {
  test("a revoked credential is denied in every spelling, narrowed, and with a warm cache; its sibling is not", async () => {
    const { code, revoke } = await world(way);
    const root = Credential.parse(credentialText());
    const scout = root.delegate({ agent: "scout" });
    const sibling = root.delegate({ agent: "sibling" });
    const below = scout.delegate({ agent: "below" });
    for (const credential of [root, scout, sibling, below])
      expect(code(credential.toString())).toBe("granted");
    await revoke(scout);
    const [packet = "", preimage = ""] = scout.toString().split(":");
    for (const text of [
      scout.toString(),
      `${packet.replace(/=+$/, "")}:${preimage}`,
      `${Buffer.from(packet, "base64").toString("base64url")}:${preimage}`,
      `${packet}:${preimage.toUpperCase()}`,
      scout.append(["purpose=still here"]).toString(),
      scout.delegate({ agent: "fresh" }).toString(),
      below.toString(),
    ])
      expect(code(text)).toBe("ERR_REVOKED");
    for (const credential of [root, sibling]) expect(code(credential.toString())).toBe("granted");
  });

  test("without its source, an instance admits requests for ten seconds, then denies all, and recovers", async () => {
    const { time, code, revoke, cut, mend, alarms } = await world(way);
    const root = Credential.parse(credentialText());
    const scout = root.delegate({ agent: "scout" });
    expect(code(root)).toBe("granted");
    cut();
    time.now = NOW + 10;
    expect(code(root)).toBe("granted");
    time.now = NOW + 11;
    for (const credential of [root, scout, root.toString()])
      expect(code(credential)).toBe("ERR_REVOCATION_UNKNOWN");
    // A forged credential is reported as forged even then.
    expect(code(credentialText({ secret: "00".repeat(32) }))).toBe("ERR_TOKEN_ROOT");
    mend();
    await revoke(scout);
    expect([code(root), code(scout)]).toEqual(["granted", "ERR_REVOKED"]);
    expect(alarms.length).toBeLessThanOrEqual(1);
  });

  test("a clock that goes back counts as silence, as a clock that goes on does", async () => {
    const { time, code, cut } = await world(way);
    cut();
    time.now = NOW - 11;
    expect(code(credentialText())).toBe("ERR_REVOCATION_UNKNOWN");
  });
});

test("before the first reading every credential is denied", () => {
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
  const follower = followRevocations(authority, () => never(), { clock: () => NOW });
  expect(verify(authority, credentialText(), { now: NOW, target })).toMatchObject({
    granted: false,
    error: { name: "DeniedError", code: "ERR_REVOCATION_UNKNOWN" },
  });
  follower.stop();
});

test("a stopped follower applies no later revocation", async () => {
  const time = { now: NOW };
  const log = new CallingLog();
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => time.now });
  const follower = followRevocations(authority, storeSource(log), {
    clock: () => time.now,
    maxSilence: "2s",
  });
  await follower.reached();
  follower.stop();
  expect(log.listeners).toBe(0);
  time.now = NOW + 3;
  expect(authority.revocations.standstill(time.now)?.code).toBe("ERR_REVOCATION_UNKNOWN");
});

test.each(["0s", "1s", "ten seconds", "", 10, Number.NaN, Number.POSITIVE_INFINITY])(
  "a maxSilence of %o is refused",
  (maxSilence) => {
    const authority = new Authority({ secret: SECRET, location: LOCATION });
    expect(() =>
      followRevocations(authority, () => never(), { maxSilence: maxSilence as never }),
    ).toThrow(TypeError);
  },
);

test("an unknown option is refused by name", () => {
  const authority = new Authority({ secret: SECRET, location: LOCATION });
  expect(() =>
    followRevocations(authority, () => never(), { maxSilenceSeconds: 5 } as never),
  ).toThrow(/maxSilenceSeconds.*maxSilence/);
});

test("reachedOrFailed rejects if the source fails or the follower stops, and resolves if it works again", async () => {
  const log = new CallingLog();
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
  log.fault = new Error("the line is cut");
  const follower = followRevocations(authority, storeSource(log), {
    clock: () => NOW,
    alarm: () => {},
  });
  await expect(follower.reachedOrFailed()).rejects.toThrow("the line is cut");
  log.fault = undefined;
  await follower.reachedOrFailed();
  follower.stop();
  await expect(follower.reachedOrFailed(1)).rejects.toThrow(/stopped/);
});

async function* never(): AsyncGenerator<never> {
  await new Promise(() => {});
}

test("a log whose read is never answered is read again, and what was revoked meanwhile holds", async () => {
  const log = new CallingLog();
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
  const read = log.directives.bind(log);
  log.directives = () => new Promise(() => {});
  const follower = followRevocations(authority, storeSource(log), {
    clock: () => NOW,
    maxSilence: "2s",
    alarm: () => {},
  });
  onTestFinished(() => follower.stop());
  await log.addDirective({ kind: "revoke", nodeId: "a0".repeat(16), at: NOW });
  log.directives = read;
  await follower.reached(1);
  expect(authority.revocations.has("a0".repeat(16))).toBe(true);
});

test("a follower whose log does not answer listens to nothing once it is stopped", async () => {
  const log = new CallingLog();
  log.directives = () => new Promise(() => {});
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock: () => NOW });
  const follower = followRevocations(authority, storeSource(log), { clock: () => NOW });
  expect(log.listeners).toBe(1);
  follower.stop();
  expect(log.listeners).toBe(0);
});
