/** The credential is taken out of what Node has parsed, or has not parsed yet. */
import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { stripIncoming } from "./stripped.ts";

const OURS = "L402 AgEEbHNhdAJCAAA=:00ff";

/** As Node's parser makes one. */
function incomingOf(rawHeaders: readonly string[]): IncomingMessage {
  const incoming = new IncomingMessage(undefined as unknown as Socket);
  incoming.httpVersionMajor = 1;
  const parser = incoming as unknown as { _addHeaderLines(lines: string[], count: number): void };
  parser._addHeaderLines([...rawHeaders], rawHeaders.length);
  return incoming;
}

const LINES = ["Host", "a", "Authorization", OURS, "Authorization", "Bearer key", "X", "1"];

test.each<[what: string, before: (incoming: IncomingMessage) => unknown]>([
  ["nothing", () => {}],
  ["`headers`", ({ headers }) => headers],
  ["`headersDistinct`", ({ headersDistinct }) => headersDistinct],
  ["both", ({ headers, headersDistinct }) => [headers, headersDistinct]],
])("where %s was read before", (_, before) => {
  const incoming = incomingOf(LINES);
  before(incoming);
  expect(stripIncoming(incoming)).toBe(true);
  expect(incoming.rawHeaders).toEqual(["Host", "a", "Authorization", "Bearer key", "X", "1"]);
  expect(incoming.headers).toEqual({ host: "a", authorization: "Bearer key", x: "1" });
  expect({ ...incoming.headersDistinct }).toEqual({
    ...{ host: ["a"], authorization: ["Bearer key"], x: ["1"] },
  });
  expect(stripIncoming(incoming)).toBe(false);
});

test("fields that something before has set or removed stay so", () => {
  const incoming = incomingOf([...LINES, "Macaroon", "aa"]);
  incoming.headers["x-request-id"] = "7";
  delete incoming.headers.x;
  stripIncoming(incoming);
  expect(incoming.headers).toEqual({
    ...{ host: "a", authorization: "Bearer key", "x-request-id": "7" },
  });
});

test("a request of a runtime that counts no fields, or parses them at once", () => {
  const parsed = {
    rawHeaders: ["MACAROON", "aa", "authorization", `${OURS}, Basic YTpi`],
    headers: { macaroon: "aa", authorization: `${OURS}, Basic YTpi` },
  };
  const headersDistinct = { macaroon: ["aa"], authorization: [`${OURS}, Basic YTpi`] };
  for (const incoming of [{ ...parsed }, { ...parsed, headersDistinct }]) {
    const given = structuredClone(incoming);
    expect(stripIncoming(given as unknown as IncomingMessage)).toBe(true);
    expect(given).toMatchObject({
      rawHeaders: ["authorization", "Basic YTpi"],
      headers: { authorization: "Basic YTpi" },
    });
    expect(JSON.stringify(given)).not.toMatch(/macaroon|00ff/);
  }
});
