import { beforeEach, describe, expect, test, vi } from "vitest";
import type { SigilError } from "../errors.ts";
import { systemClock } from "../ports/clock.ts";
import { treasuryApi } from "../treasury/api.ts";
import { ownerApi } from "../treasury/owner-api.ts";
import { TreasuryCore } from "../treasury/treasury.ts";
import { CONCEALED, everyError, FORGED, factsOf } from "../wire/fixtures/errors.ts";
import { OwnerClient } from "./owner.ts";
import { RemoteTreasury } from "./remote.ts";
import { patience } from "./retry.ts";

beforeEach(() => void vi.spyOn(patience, "sleep").mockResolvedValue(undefined));

const LOCATION = "https://treasury.example";

const treasury = new TreasuryCore({
  secret: "3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a",
  location: LOCATION,
  wallet: () => Promise.reject(new Error("this treasury never pays")),
  fetch: () => Promise.reject(new Error("this treasury never asks a service")),
});
const agent = treasury
  .mint({ endpoints: ["GET https://api.example/*"], budget: "1 sat", expiresIn: "1h" })
  .toString();
const owner = treasury.owner.mint({ expiresIn: "1h" });

const fetchOf =
  (handler: (request: Request) => Promise<Response>): typeof fetch =>
  async (input, init) =>
    handler(new Request(input, init));

const remote = new RemoteTreasury(LOCATION, {
  fetch: fetchOf(treasuryApi(treasury)),
  holderKey: undefined,
  clock: systemClock,
});
const ownerClient = new OwnerClient({ credential: owner, fetch: fetchOf(ownerApi(treasury)) });

const order = {
  id: "order-of-a-test",
  credential: agent,
  method: "GET",
  url: "https://api.example/a",
  headers: [],
};
const thrownBy = (work: Promise<unknown>): Promise<SigilError> =>
  work.then(
    () => expect.unreachable("the treasury refused"),
    (error: SigilError) => error,
  );

/** Each call of the embedded treasury, and the same call of a client across HTTP. */
const calls: Readonly<Record<string, (error: SigilError) => Promise<unknown>>> = {
  "a purchase": (error) => {
    // A client asks again for some errors.
    vi.spyOn(treasury, "buyRemotely").mockRejectedValue(error);
    return remote.buy(order);
  },
  "an agent's standing": (error) => {
    vi.spyOn(treasury, "standing").mockRejectedValueOnce(error);
    return remote.standing(agent);
  },
  "a revocation": (error) => {
    vi.spyOn(treasury, "revoke").mockRejectedValueOnce(error);
    return remote.revoke(agent, ["agent=x.0011223344556677"]);
  },
  "the owner's view": (error) => {
    vi.spyOn(treasury.owner, "health").mockRejectedValueOnce(error);
    return ownerClient.health();
  },
};

describe.each(Object.keys(calls))("%s fails across HTTP as it does in the same process", (name) => {
  const shown = everyError.filter(({ code }) => !CONCEALED.includes(code));
  test.each(shown)("with $code", async ({ errors }) => {
    for (const error of errors)
      expect(factsOf(await thrownBy(calls[name]!(error)))).toEqual(factsOf(error));
  });

  test.each(everyError.filter(({ code }) => CONCEALED.includes(code)))(
    "but for $code, which arrives as ERR_TOKEN_FORGED [case 98]",
    async ({ errors }) => {
      const error = await thrownBy(calls[name]!(errors[0]!));
      expect([error.code, error.message]).toEqual(["ERR_TOKEN_FORGED", FORGED]);
    },
  );
});
