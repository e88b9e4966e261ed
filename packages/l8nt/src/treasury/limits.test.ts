/** The limits of a treasury as people write them: what is read, and what is refused by name. */
import { describe, expect, test } from "vitest";
import { type MaxFee, readMaxFee } from "./fee.ts";
import { checkLimits, readLimits } from "./limits.ts";

describe("maxFee", () => {
  test.each<[MaxFee, bigint, bigint]>([
    ["1 %", 10_000n, 100n],
    ["1%", 10_000n, 100n],
    ["0.5 %", 10_000n, 50n],
    ["0.25 %", 10_000n, 25n],
    ["100 %", 10_000n, 10_000n],
    ["3 sat", 10_000n, 3_000n],
    ["3 sat", 10_000_000n, 3_000n],
    ["0 msat", 10_000n, 0n],
    ["1 % or 3 sat", 10_000n, 3_000n],
    ["1 % or 3 sat", 300_000n, 3_000n],
    ["1 % or 3 sat", 300_100n, 3_001n],
    ["3 sat or 1 %", 10_000_000n, 100_000n],
  ])("%o allows, for a payment of %d msat, %d msat", (text, amountMsat, expected) => {
    expect(readMaxFee(text, "maxFee")(amountMsat)).toBe(expected);
  });

  test.each([
    "",
    "1",
    "3",
    "%",
    "101 %",
    "1.234 %",
    "-1 %",
    "1 % or 2 %",
    "1 sat or 2 sat",
    "1 % or",
    "1 % and 3 sat",
    "1 usd",
    1,
    3n,
    null,
    () => 3n,
  ])("%o is refused by name", (text) => {
    expect(() => readMaxFee(text as string, "a treasury: maxFee")).toThrow(
      /^a treasury: maxFee must be/,
    );
  });
});

const POLICY = readLimits({}, "a treasury");

describe("each limit is read, and refused by name if it is something else", () => {
  test.each<[key: string, given: unknown, expected: object, wrong: readonly unknown[]]>([
    ["maxFirstPayment", "10 sat", { maxFirstPaymentMsat: 10_000n }, ["10", 10, 10n, "1 usd"]],
    ["pinsPayees", false, { pinsPayees: false }, ["no", 0, null]],
    ["paymentTimeout", "5s", { paymentTimeoutSeconds: 5 }, [5, "5", "0s", "5 s"]],
    ["quarantine", "1h", { quarantineSeconds: 3600 }, [600, "ten minutes"]],
    ["requestTimeout", "5s", { outbound: { headSeconds: 5 } }, [30, "30000"]],
    ["maxRelayBytes", 1000, { outbound: { body: { maxBytes: 1000 } } }, [0, 1.5, "1 MiB", -1]],
    ["relayIdleTimeout", "7s", { outbound: { body: { idleSeconds: 7 } } }, [7]],
    ["relayTimeout", "2m", { outbound: { body: { totalSeconds: 120 } } }, [120]],
    ["maxSilence", "2s", {}, ["1s", 10, "0s"]],
    ["maxInFlight", { perNode: 2 }, { maxInFlight: { perNode: 2, perOrigin: 256 } }, [2, null]],
    [
      "maxInFlight",
      { perNodeAmount: "20 sat", perOriginAmount: "1 sat" },
      { maxInFlight: { perNode: 64, perNodeMsat: 20_000n, perOriginMsat: 1_000n } },
      [{ perNode: 0 }, { perOrigin: "3" }, { perNodeAmount: 5n }, { perNodeMsat: 5n }],
    ],
  ])("%s", (key, given, expected, wrong) => {
    expect(readLimits({ [key]: given }, "a treasury")).toMatchObject(expected);
    for (const value of wrong)
      expect(() => readLimits({ [key]: value } as never, "a treasury")).toThrow(
        new RegExp(`^a treasury: ${key}`),
      );
  });

  test("an option that is left out has its documented default", () => {
    expect(POLICY.maxFeeMsat(10_000n)).toBe(3_000n);
    expect(POLICY).toMatchObject({
      maxInFlight: { perNode: 64, perOrigin: 256 },
      pinsPayees: true,
      paymentTimeoutSeconds: 60,
      quarantineSeconds: 600,
      outbound: {
        headSeconds: 30,
        body: { maxBytes: 67_108_864, idleSeconds: 60, totalSeconds: 3600 },
      },
    });
    expect(POLICY.maxFirstPaymentMsat).toBeUndefined();
    expect(POLICY.maxInFlight.perNodeMsat).toBeUndefined();
  });
});

describe("a file with limits", () => {
  const others = { location: true } as const;

  test("passes with its other keys", () => {
    const json = { location: "http://127.0.0.1:8409", maxFee: "3 sat" };
    expect(() => checkLimits(json, "config.json", others)).not.toThrow();
  });

  test("with a key that is misspelt is refused, with the key that was meant [case 97]", () => {
    expect(() => checkLimits({ maxfee: "3 sat" }, "config.json", others)).toThrow(
      /^config\.json: unknown key "maxfee"; did you mean "maxFee"\?/,
    );
    expect(() => checkLimits({ locaton: "x" }, "config.json", others)).toThrow(
      /unknown key "locaton"; did you mean "location"\?/,
    );
  });

  test("with a wrong value is refused by the name of the key", () => {
    expect(() => checkLimits({ quarantine: 600 }, "config.json")).toThrow(
      /^config\.json: quarantine must be a duration/,
    );
  });
});
