/**
 * How an lnd is read that no network of the tests is: each text as lnd 0.21 answers it. The real
 * one: test/lnd.
 */
import { describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { reasonOf } from "./lnd-answers.ts";
import { examineLnd } from "./lnd-examine.ts";

const answering = (message: string): Backend => ({
  name: "lnd",
  base: "https://node.example",
  headers: {},
  fetch: async () => Response.json({ code: 2, message, details: [] }, { status: 500 }),
  explain: (_, body) => reasonOf(body),
});

const examined = (message: string) =>
  examineLnd(answering(message)).then(
    () => undefined,
    (error: Error) => error,
  );

describe("a node that will let in by itself, later, is told from one that waits for a person", () => {
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
    // grpc-gateway's, for a path that it does not know.
    ["Not Found", /built without its router/],
    [
      "verification failed: signature mismatch after caveat verification",
      /another node's, or was withdrawn/,
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
])("a macaroon that is none has no rights: %s", async (message) => {
  expect(await examined(message)).toMatchObject({
    code: "ERR_WALLET",
    message: "The wallet cannot be used: what the URL of lnd has as macaroon= is none.",
  });
});
