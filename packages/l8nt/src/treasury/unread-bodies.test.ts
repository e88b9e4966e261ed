/**
 * A treasury reads the body of a request only once its credential is proven, and keeps no more
 * bytes in memory than the part of its agent. spec/4-purchase.md §7.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Credential } from "../l402/index.ts";
import { secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { Treasury, treasuryApi } from "./index.ts";

const MIB = 1024 * 1024;
const PATHS = ["/v1/purchases", "/v1/answered", "/.well-known/l402/revocations"];

/** A body that counts what is taken of it, and ends only if it is told to. */
function body(parts: readonly Uint8Array[], ends: boolean) {
  let taken = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const part = parts[taken];
        if (part !== undefined) {
          taken++;
          controller.enqueue(part);
        } else if (ends) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, taken: () => taken };
}

const bytes = (text: string) => new TextEncoder().encode(text);

const request = (world: Town, path: string, stream: ReadableStream, credential?: string) =>
  new Request(world.treasury.location + path, {
    method: "POST",
    headers: credential === undefined ? {} : { authorization: `L402 ${credential}` },
    body: stream,
    duplex: "half",
  } as RequestInit);

const child = (world: Town, of: Credential, agent: string) =>
  of.delegate({ agent, budget: "10 sat" }, { now: world.clock() });

describe.each(PATHS)("at %s nothing of a body is read", (path) => {
  test.each<[string, number, string, (world: Town) => string | undefined | Promise<string>]>([
    ["without a credential", 401, "ERR_TOKEN_MISSING", () => undefined],
    ["for a made-up one", 401, "ERR_TOKEN_MALFORMED", () => `AAAA:${"0".repeat(64)}`],
    [
      "for a forged one",
      401,
      "ERR_TOKEN_ROOT",
      ({ clock, network: _ }) => {
        const other = new Treasury({
          secret: secretOf("another treasury"),
          location: "http://127.0.0.1:1",
          wallet: { pay: () => Promise.reject(new Error()) } as never,
          clock,
        });
        return other
          .mint({ endpoints: ["* https://*/**"], budget: "1 sat", expiresIn: "1h" })
          .toString();
      },
    ],
    ["for one of 30,000 characters", 401, "ERR_TOKEN_TOO_LARGE", () => "A".repeat(30_000)],
    [
      "for one that has ended",
      403,
      "ERR_EXPIRED",
      (world) => {
        const ended = world.mint({ expiresIn: "1m" }).toString();
        world.clock.advance("2m");
        return ended;
      },
    ],
    [
      "for one that was revoked",
      403,
      "ERR_REVOKED",
      async (world) => {
        const root = world.mint();
        const revoked = child(world, root, "revoked");
        const { node } = world.treasury.authority.verifier.authenticate(revoked);
        await world.treasury.owner.revoke(node.id);
        return revoked.toString();
      },
    ],
  ])("%s", async (_what, status, code, credentialOf) => {
    const world = await town();
    const credential = await credentialOf(world);
    const { stream, taken } = body([bytes("{"), bytes("}")], true);
    const answer = await treasuryApi(world.treasury)(request(world, path, stream, credential));
    expect([answer.status, taken()]).toEqual([status, 0]);
    // A 401 does not tell why.
    expect(await answer.json()).toMatchObject(status === 401 ? { status } : { code });
  });

  test("and all of it is read for one that is proven", async () => {
    const world = await town();
    const { stream, taken } = body([bytes('{"no'), bytes('thing":'), bytes("1}")], true);
    const answer = await treasuryApi(world.treasury)(
      request(world, path, stream, world.mint().toString()),
    );
    expect([answer.status, taken()]).toEqual([400, 3]);
    expect(JSON.stringify(await answer.json())).toContain("nothing");
  });
});

describe("bytes of unfinished bodies", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Lets what is due run. */
  const settled = async () => {
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
  };

  test("an agent has no more than its part in memory, its siblings are served, and after 20 s it is served again", async () => {
    const world = await town();
    const root = world.mint();
    await world.treasury.start();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const api = treasuryApi(world.treasury);
    const hold = (credential: Credential) => {
      const { stream } = body([new Uint8Array(1.95 * MIB)], false);
      return api(request(world, "/v1/purchases", stream, credential.toString()));
    };
    const send = (credential: Credential) => {
      const { stream } = body([bytes('{"nothing":1}')], true);
      return api(request(world, "/v1/purchases", stream, credential.toString()));
    };
    const evil = child(world, root, "evil");
    const good = child(world, root, "good");
    // A child's part of 34 MiB is a quarter.
    const held = Array.from({ length: 4 }, () => hold(evil));
    await settled();
    for (const who of [evil, child(world, evil, "of-evil")]) {
      const refused = await hold(who);
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
      expect(await refused.json()).toMatchObject({ code: "ERR_RATE_LIMITED" });
    }
    expect((await send(good)).status).toBe(400);
    await vi.advanceTimersByTimeAsync(20_000);
    for (const answer of await Promise.all(held)) {
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ detail: expect.stringContaining("20 s") });
    }
    const again = hold(evil);
    await vi.advanceTimersByTimeAsync(20_000);
    expect((await again).status).toBe(400);
  });

  test("all agents together have no more than 34 MiB", async () => {
    const world = await town();
    await world.treasury.start();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const api = treasuryApi(world.treasury);
    const statuses: number[] = [];
    const roots = Array.from({ length: 5 }, () => world.mint());
    const held = roots.flatMap((root) =>
      Array.from({ length: 7 }, () => {
        const { stream } = body([new Uint8Array(MIB)], false);
        return api(request(world, "/v1/purchases", stream, root.toString())).then(({ status }) =>
          statuses.push(status),
        );
      }),
    );
    await settled();
    // Each request counts 16 KiB beside its body.
    // A root has half of what the others leave: 7 bodies, 7, 7, 6 and 3.
    expect(statuses).toEqual([429, 429, 429, 429, 429]);
    await vi.advanceTimersByTimeAsync(20_000);
    await Promise.all(held);
    expect(statuses.filter((status) => status === 400)).toHaveLength(30);
  });
});
