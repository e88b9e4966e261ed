/** The end of a listener: what is served is served to its end, and nothing is waited for longer. */
import { once } from "node:events";
import { Agent, request, type ServerResponse } from "node:http";
import { connect } from "node:http2";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { describe, expect, onTestFinished, test } from "vitest";
import { CERT, KEY } from "../../../../l8nt/src/wallets/fixtures/tls.ts";
import { listen } from "./server.ts";

/** Longer than a test may take. */
const GRACE_MS = 600_000;

async function stage(tls?: { readonly cert: string; readonly key: string }) {
  let begun!: (answer: ServerResponse) => void;
  const answer = new Promise<ServerResponse>((resolve) => {
    begun = resolve;
  });
  const listening = await listen(
    async (_incoming, outgoing) => {
      outgoing.writeHead(200).write("first ");
      begun(outgoing);
    },
    { ...(tls && { tls }) },
  );
  return { listening, answer };
}

const TLS = { cert: CERT, key: KEY };

describe("a listener that is closed", () => {
  test.each([
    ["HTTP/1.1", undefined],
    ["HTTP/1.1 over TLS", TLS],
  ])(
    "ends once its last answer has, though the client keeps the connection: %s",
    async (_v, tls) => {
      const { listening, answer } = await stage(tls);
      const agent =
        tls === undefined
          ? new Agent({ keepAlive: true })
          : new TlsAgent({ keepAlive: true, ca: CERT });
      onTestFinished(() => agent.destroy());
      const sent = (tls === undefined ? request : tlsRequest)(listening.url, { agent }).end();
      const outgoing = await answer;
      const [incoming] = await once(sent, "response");
      const closed = listening.close(GRACE_MS);
      outgoing.end("last");
      let text = "";
      for await (const part of incoming) text += part;
      expect(text).toBe("first last");
      await closed;
    },
  );

  test("ends once its last stream of HTTP/2 has", async () => {
    const { listening, answer } = await stage(TLS);
    const session = connect(listening.url, { ca: CERT });
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":path": "/" });
    const outgoing = await answer;
    const closed = listening.close(GRACE_MS);
    outgoing.end("last");
    let text = "";
    for await (const part of stream) text += part;
    expect(text).toBe("first last");
    await closed;
  });

  test.each([
    ["HTTP/1.1", false],
    ["HTTP/2", true],
  ])("breaks off what has not ended after its grace: %s", async (_version, isSecond) => {
    const { listening, answer } = await stage(isSecond ? TLS : undefined);
    const sent = isSecond
      ? connect(listening.url, { ca: CERT })
          .on("error", () => {})
          .request({ ":path": "/" })
      : request(listening.url).end();
    sent.on("error", () => {});
    const outgoing = await answer;
    const broken = once(outgoing, "close");
    await listening.close(1);
    await broken;
    expect(outgoing.writableFinished).toBe(false);
  });
});
