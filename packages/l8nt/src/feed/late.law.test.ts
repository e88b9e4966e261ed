/**
 * Silence is counted from the time at which pages were signed, so a party in between that delays
 * every page alike hides no revocation for longer than the stated silence. [case 111]
 */
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { credentialText, SECRET } from "../../../../test/fuzz/golden.ts";
import { readOrigin, targetAt } from "../caveat/index.ts";
import { verify } from "../l402/fixtures/verdict.ts";
import { Authority } from "../l402/index.ts";
import { FEED_URL, LOCATION, NOW, signer } from "./fixtures/world.ts";
import { followRevocations } from "./follow.ts";
import { signPage } from "./page.ts";
import { feedSource } from "./source.ts";

const target = targetAt("GET", readOrigin(LOCATION)!, "/a")!;
const SILENCE = 10;

interface Link {
  /** How many seconds late each page arrives. */
  readonly delay?: number;
  /** How many seconds the follower's clock is ahead of the publisher's. */
  readonly ahead?: number;
  /** The publisher's time at which the credential is revoked. */
  readonly revokedAt?: number;
  /** If given, every page is the one that was signed at this time of the publisher. */
  readonly replayed?: number;
}

/** A follower whose requests are answered one by one. */
async function follower({ delay = 0, ahead = 0, revokedAt, replayed }: Link) {
  // The publisher's time.
  let now = NOW;
  let answer: ((page: Response) => void) | undefined;
  let after = 0;
  const clock = () => now + ahead;
  const authority = new Authority({ secret: SECRET, location: LOCATION, clock });
  const { id } = authority.verifier.authenticate(credentialText()).node;
  const alarms: string[] = [];
  const source = feedSource({
    url: FEED_URL,
    publicKey: signer.publicKey,
    fetch: (url) => {
      after = Number(new URL(String(url)).searchParams.get("after"));
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  const following = followRevocations(authority, source, {
    clock,
    maxSilence: `${SILENCE}s`,
    alarm: (_, cause) => alarms.push(String(cause)),
  });
  onTestFinished(() => following.stop());
  const turns = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
  };
  await turns();
  return {
    alarms,
    now: () => now,
    code() {
      const verdict = verify(authority, credentialText(), { now: clock(), target });
      return verdict.granted ? "granted" : verdict.error.code;
    },
    /** Two seconds later a page arrives. */
    async next() {
      now += 2;
      const at = replayed ?? now - delay;
      const isRevoked = revokedAt !== undefined && at >= revokedAt;
      const entries = isRevoked && after === 0 ? [{ seq: 1, node: id }] : [];
      const seq = isRevoked ? 1 : 0;
      answer?.(new Response(signPage({ location: LOCATION, after, seq, at, entries }, signer)));
      answer = undefined;
      await turns();
    },
    stop: () => following.stop(),
  };
}

test("pages that all come 30 seconds late grant nothing, and are reported once", async () => {
  const { next, code, alarms } = await follower({ delay: 30 });
  for (let page = 0; page < 10; page++) {
    await next();
    expect(code()).toBe("ERR_REVOCATION_UNKNOWN");
  }
  expect(alarms.length).toBe(1);
  expect(alarms[0]).toContain("30 seconds old");
});

test("an old page that is sent again and again grants nothing after ten seconds", async () => {
  const { next, code } = await follower({ replayed: NOW });
  for (let page = 1; page <= 10; page++) {
    await next();
    expect(code()).toBe(2 * page <= SILENCE ? "granted" : "ERR_REVOCATION_UNKNOWN");
  }
});

describe.each([-5, 0, 5])("a clock that is %d seconds ahead of the publisher's", (ahead) => {
  test("is fine, for as long as it lasts", async () => {
    const { next, code, alarms } = await follower({ ahead });
    for (let page = 0; page < 100; page++) {
      await next();
      expect(code()).toBe("granted");
    }
    expect(alarms).toEqual([]);
  });
});

test("whatever the delay, a revoked credential is granted for no longer than the silence and what the clocks differ by", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 59 }),
      fc.integer({ min: -5, max: 5 }),
      async (delay, ahead) => {
        const revokedAt = NOW + 20;
        const { next, code, now, stop } = await follower({ delay, ahead, revokedAt });
        for (let page = 0; page < 50; page++) {
          await next();
          if (now() > revokedAt + SILENCE + 5) expect(code()).not.toBe("granted");
          else if (delay + Math.abs(ahead) <= SILENCE && now() < revokedAt)
            expect(code()).toBe("granted");
        }
        stop();
      },
    ),
    { numRuns: 20 },
  );
});
