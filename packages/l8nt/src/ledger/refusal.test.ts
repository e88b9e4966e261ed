/** A ledger's "no", in a person's words. */

import { expect, test } from "vitest";
import { msat } from "../amount.ts";
import { Authority } from "../l402/index.ts";
import { budgetError } from "./index.ts";

const authority = new Authority({
  secret: "91c4e07a3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728",
  location: "https://treasury.example",
  kind: "spending",
});

test("says which limit, whose, what is left of it, and what was needed", () => {
  const root = authority.minter.mint({
    endpoints: ["GET https://api.example/**"],
    expiresIn: "1h",
    budget: "500 sat",
    budgetPerDay: "100 sat",
  });
  const child = root.delegate({ agent: "scout", budget: "20 sat", maxUsesPerMinute: 3 });
  const { limits } = authority.verifier.authenticate(child);
  const usage = (condition: string, used: bigint) => {
    const { id } = limits.find((limit) => limit.condition === condition)!;
    return { id, used, reserved: 0n };
  };
  const error = budgetError(
    limits,
    [usage("budget_msat_per_day", 99_500n), usage("max_uses_per_minute", 3n)],
    {
      amount: msat(10_000n),
      uses: 1n,
    },
  );
  expect(error.code).toBe("ERR_BUDGET");
  expect(error.spent).toBe("no");
  expect(error.message).toBe(
    "Denied. budget_msat_per_day: you have 0.5 sat left of 100 sat per day; you need 10 sat. " +
      "max_uses_per_minute (set for agent scout): you have 0 of 3 uses per minute left; you need 1.",
  );
  expect(error.refusals[1]?.node?.agent).toBe("scout");
});

test("never shows less than nothing, where more was spent than was allowed [case 46]", () => {
  const { limits } = authority.verifier.authenticate(
    authority.minter.mint({ endpoints: [], expiresIn: "1h", budget: "10 sat" }),
  );
  const [{ id } = { id: "" }] = limits;
  const error = budgetError(limits, [{ id, used: 99_000n, reserved: 0n }], {
    amount: msat(1n),
    uses: 1n,
  });
  expect(error.refusals[0]?.have).toBe("0 sat left of 10 sat");
});
