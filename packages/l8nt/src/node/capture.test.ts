/** What is kept of an answer that Node sends. */
import { once } from "node:events";
import { createServer as createServer1, request as request1, type ServerResponse } from "node:http";
import { connect, createServer as createServer2 } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Answer } from "../service/repeats.ts";
import { capture } from "./capture.ts";

type Send = (outgoing: ServerResponse) => void;

const WAYS: readonly [way: string, send: Send, body: string][] = [
  ["one end", (outgoing) => void outgoing.end("sunny"), "sunny"],
  ["parts and an end", (outgoing) => void (outgoing.write("sun") && outgoing.end("ny")), "sunny"],
  ["an empty end", (outgoing) => void (outgoing.write("sunny") && outgoing.end()), "sunny"],
  ["nothing", (outgoing) => void outgoing.end(), ""],
];

async function captured(version: 1 | 2, send: Send): Promise<Answer | undefined> {
  let keep!: (answer: Answer | undefined) => void;
  const kept = new Promise<Answer | undefined>((resolve) => {
    keep = resolve;
  });
  const listener = (_: unknown, outgoing: unknown): void => {
    capture(outgoing as ServerResponse, keep);
    send(outgoing as ServerResponse);
  };
  const server: Server = version === 1 ? createServer1(listener) : createServer2(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (version === 1) {
    request1(origin, { agent: false }, (incoming) => incoming.resume()).end();
    return kept;
  }
  const session = connect(origin);
  session.request({ ":path": "/" }).resume().end();
  const answer = await kept;
  session.close();
  return answer;
}

test.each(WAYS)("%s is kept once, over HTTP/1.1 and HTTP/2", async (_, send, body) => {
  for (const version of [1, 2] as const) {
    const answer = await captured(version, send);
    expect([version, answer && Buffer.from(answer.body).toString()]).toEqual([version, body]);
  }
});
