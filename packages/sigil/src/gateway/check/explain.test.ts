/** What requests that are no route of the owner's come to. */
import { expect, test } from "vitest";
import { readConfigText } from "../config/read.ts";
import { explain, servicesOf } from "./explain.ts";
import { listed } from "./listed.ts";

const CONFIG = `
services:
  gen: { preset: generic, upstream: "http://a.example", price: 0.02 usd }
  openai:
    preset: openai
    webSockets: [{ path: /v1/realtime, perMinute: 0.30 usd, perConnection: 0.01 usd }]
`;
const config = readConfigText(CONFIG, "test");

test.each([
  ["GET", "/gen/.well-known/l402", false, { kind: "page", page: "sale" }],
  ["POST", "/gen/.well-known/l402/revocations", false, { kind: "page", page: "sale" }],
  ["GET", "/gen/.well-known/l402xyz", false, { kind: "served", service: "gen" }],
  ["GET", "/gen/.well-known/l402-x/a", false, { kind: "served", service: "gen" }],
  ["GET", "/openai/.well-known/sigil/budget", false, { kind: "page", page: "budget" }],
  ["GET", "/gen/.well-known/sigil/budget/x", false, { kind: "served", service: "gen" }],
  ["GET", "/.well-known/l402", false, { kind: "denied", status: 403 }],
  ["TRACE", "/gen/a", false, { kind: "denied", status: 400, code: "bad_request" }],
  ["CONNECT", "/gen/a", false, { kind: "denied", status: 400, code: "bad_request" }],
  ["FOO", "/gen/a", false, { kind: "denied", status: 400, code: "bad_request" }],
  ["PROPFIND", "/gen/a", false, { kind: "served", service: "gen" }],
  ["GET", "/openai/v1/realtime", false, { kind: "denied", status: 403 }],
  ["GET", "/openai/v1/realtime", true, { kind: "webSocket", service: "openai" }],
  ["GET", "/gen/v1/realtime", true, { kind: "denied", status: 403 }],
])("%s %s, for a WebSocket: %s", (method, path, isUpgrade, expected) => {
  expect(explain(servicesOf(config), method, path, isUpgrade)).toMatchObject(expected);
});

test("paths that are open to WebSockets are listed, with their prices", () => {
  expect(listed(config.services.openai!).routes.at(-1)).toEqual({
    match: "WebSocket /v1/realtime",
    meaning: "credential, 0.3 usd a minute and 0.01 usd a connection, realtime",
  });
});
