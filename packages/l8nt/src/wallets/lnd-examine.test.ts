/**
 * How the answers of lnd in rare states are read, in the texts of lnd 0.21. test/lnd runs the real
 * one.
 */
import { describe, expect, test } from "vitest";
import { type Backend, timingOf } from "./backend.ts";
import { reasonOf } from "./lnd-answers.ts";
import { examineLnd } from "./lnd-examine.ts";

const answering = (message: string): Backend => ({
  name: "lnd",
  base: "https://node.example",
  headers: {},
  fetch: async () => Response.json({ code: 2, message, details: [] }, { status: 500 }),
  timing: timingOf({}, "a wallet"),
  explain: (_, body) => reasonOf(body),
});

const examined = (message: string) =>
  examineLnd(answering(message)).then(
    () => undefined,
    (error: Error) => error,
  );

describe("a node that is starting is told from one that needs its owner", () => {
  test.each([
    "waiting to start, RPC services not available",
    "the RPC server is in the process of starting up, but not yet ready to accept calls",
    "server is still in the process of starting",
  ])("%s", async (message) => {
    expect(await examined(message)).toMatchObject({
      code: "ERR_WALLET",
      message: "The wallet cannot be used: lnd is still starting: try again in a moment.",
      cause: { name: "NetworkError" },
    });
  });

  test.each([
    ["wallet locked, unlock it to enable full RPC access", /lncli unlock/],
    ["wallet not created, create one to enable full RPC access", /lncli create/],
    // The text of grpc-gateway for an unknown path.
    ["Not Found", /built without its router/],
    [
      "verification failed: signature mismatch after caveat verification",
      /belongs to another node, or was revoked/,
    ],
  ])("%s", async (message, why) => {
    const error = await examined(message);
    expect(error).toMatchObject({ code: "ERR_WALLET", message: expect.stringMatching(why) });
    expect(error?.cause).toBeUndefined();
  });
});

test.each([
  "unmarshal v2: varint value extends past end of buffer",
  "encoding/hex: invalid byte: U+007A 'z'",
  "cannot determine data format of binary-encoded macaroon",
])("a malformed macaroon is named as such: %s", async (message) => {
  expect(await examined(message)).toMatchObject({
    code: "ERR_WALLET",
    message: "The wallet cannot be used: macaroon= in the URL of lnd is not a macaroon.",
  });
});
