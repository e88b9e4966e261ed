/** No MCP server and no tool behind a paywall sees the credential. spec/8-mcp.md §2 and §4. */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { Credential } from "../l402/index.ts";
import { formatMacaroonField } from "../l402/macaroon-field.ts";
import { LOCATION, newPaywall } from "../middleware/fixtures/paywall.ts";
import { paidEndpoint, paidTool, paidTools } from "./index.ts";
import type { CallContext } from "./wire.ts";

const paywall = newPaywall();
const text = paywall.authority.minter
  .mint({ endpoints: [`* ${LOCATION}/**`], expiresIn: "1h" })
  .toString();
const [macaroon = "", preimage = ""] = text.split(":");
const hex = formatMacaroonField(Credential.parse(text));

function expectUnseen(seen: string): void {
  for (const secret of [macaroon, preimage, hex.slice(0, 40)])
    expect(seen.toLowerCase()).not.toContain(secret.toLowerCase());
}

const OURS = { "dev.l8nt/credential": text };
const THEIRS = {
  "org.paymentauth/credential": {
    challenge: { id: macaroon, method: "lightning" },
    payload: { preimage },
  },
};

interface Presented {
  readonly fields?: Readonly<Record<string, string>>;
  readonly meta?: object;
  /** What is left of `Authorization`. */
  readonly own?: string;
}

const PRESENTED: Readonly<Record<string, Presented>> = {
  "in Authorization": { fields: { authorization: `L402 ${text}` } },
  "beside an Authorization of the server's": {
    fields: { authorization: `lsat ${text}, Bearer key` },
    own: "Bearer key",
  },
  "in Macaroon": { fields: { macaroon: hex, authorization: "Bearer key" }, own: "Bearer key" },
  "in Grpc-Metadata-Macaroon": { fields: { "grpc-metadata-macaroon": hex } },
  "in _meta": { meta: OURS, fields: { authorization: "Bearer key" }, own: "Bearer key" },
  "in _meta, by the Payment scheme": { meta: THEIRS },
  "in a field and under both keys": {
    fields: { authorization: `L402 ${text}` },
    meta: { ...OURS, ...THEIRS },
  },
};

const request = (method: string, params: object) => ({ jsonrpc: "2.0", id: 1, method, params });

/** Every message that goes on, with `_meta` in it. */
const MESSAGES: Readonly<Record<string, (_meta: object) => unknown>> = {
  "a paid call": (_meta) => request("tools/call", { name: "dear", _meta }),
  "a free call": (_meta) => request("tools/call", { name: "free", _meta }),
  initialize: (_meta) => request("initialize", { _meta }),
  "a list": (_meta) => request("tools/list", { _meta }),
  "a notification": (_meta) => ({ jsonrpc: "2.0", method: "notifications/a", params: { _meta } }),
  "a batch": (_meta) => [request("ping", { _meta }), request("resources/list", { _meta })],
};

describe.each(Object.entries(PRESENTED))("a credential %s", (_, { fields, meta, own }) => {
  const seen: { readonly headers: Headers; readonly body: string }[] = [];
  const endpoint = paidEndpoint(
    { paywall, price: "10 sat", tools: { free: "0 sat" } },
    async (given) => {
      seen.push({ headers: given.headers, body: await given.text() });
      return new Response();
    },
  );
  const others = { "mcp-session-id": "7f", accept: "text/event-stream" };

  async function passedOn(method: string, message?: unknown) {
    const asked = new Request(`${LOCATION}/mcp`, {
      method,
      headers: { ...others, ...fields },
      ...(message !== undefined && { body: JSON.stringify(message) }),
    });
    expect((await endpoint(asked)).status).toBe(200);
    const { headers, body } = seen.pop()!;
    expectUnseen(JSON.stringify([...headers]) + body);
    expect(headers.get("authorization")).toBe(own ?? null);
    for (const [name, value] of Object.entries(others)) expect(headers.get(name)).toBe(value);
    return body;
  }

  test.each(Object.entries(MESSAGES))("reaches no server in %s", async (__, of) => {
    const body = await passedOn("POST", of({ ...meta, progressToken: 7 }));
    expect(JSON.parse(body)).toEqual(of({ progressToken: 7 }));
  });

  test.each(["GET", "DELETE"])("reaches no server in %s", async (method) => {
    expect(await passedOn(method)).toBe("");
  });

  const _meta = { ...meta, progressToken: 7 };
  const headers = { ...others, ...fields };
  /** The context of a call in both majors of the SDK. */
  const contexts: Readonly<Record<string, () => CallContext>> = {
    "1.x": () => ({ _meta, requestInfo: { headers }, sessionId: "7f" }) as CallContext,
    "1.x with Headers": () => ({ _meta, requestInfo: { headers: new Headers(headers) } }),
    "2.x": () => {
      const req = new Request(`${LOCATION}/mcp`, { method: "POST", headers, body: "{}" });
      return { mcpReq: { _meta, id: 1 }, http: { req } } as CallContext;
    },
  };

  test.each(Object.entries(contexts))("reaches no tool, in the context of %s", async (__, of) => {
    type Callback = (args: unknown, context: CallContext) => Promise<object>;
    const registered: Callback[] = [];
    const contextsSeen: CallContext[] = [];
    const server = {
      registerTool: (_name: string, _config: never, callback: Callback) =>
        registered.push(callback),
    };
    const handler = (_args: unknown, context: CallContext) => {
      contextsSeen.push(context);
      return { content: [] };
    };
    const inputSchema = {};
    paidTool(server as never, "one", { paywall, price: "10 sat", inputSchema }, handler as never);
    paidTools(server as never, { paywall, price: "10 sat" });
    server.registerTool("other", { inputSchema } as never, handler as never);
    for (const callback of registered) {
      const given = of();
      // The SDK has read the body before.
      if (given.http?.req instanceof Request) await given.http.req.text();
      // Two calls of one request share its fields.
      for (let at = 0; at < 2; at++)
        expect(await callback({}, given)).toMatchObject({ content: [] });
    }
    expect(contextsSeen).toHaveLength(4);
    for (const { _meta: inBand, mcpReq, requestInfo, http, ...rest } of contextsSeen) {
      const kept = http?.req instanceof Request ? http.req.headers : requestInfo?.headers;
      const left = new Headers(kept as Headers);
      expectUnseen(
        inspect([[...left], inBand, mcpReq, requestInfo, http, rest], {
          depth: 9,
          maxStringLength: null,
        }),
      );
      expect(mcpReq?._meta ?? inBand).toEqual({ progressToken: 7 });
      expect(left.get("authorization")).toBe(own ?? null);
      for (const [name, value] of Object.entries(others)) expect(left.get(name)).toBe(value);
    }
  });
});
