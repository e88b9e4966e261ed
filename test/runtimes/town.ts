/** Issuers and a service on loopback, for checks that run in another runtime. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { paid } from "../../packages/l8nt/src/node/index.ts";
import { KEYS_PATH, Minter } from "../../packages/l8nt/src/public-key/index.ts";
import { Paywall } from "../../packages/l8nt/src/service/index.ts";
import type { Town } from "./public-key.ts";

/** What a site answers for its key page. */
export interface Served {
  readonly body: string;
  /** @default 200 */
  readonly status?: number;
  /** @default "application/json" */
  readonly type?: string;
  readonly location?: string;
  /** Closes the connection in place of an answer. */
  readonly hangsUp?: boolean;
  /** Says nothing, until another page is served. */
  readonly hangs?: boolean;
}

export interface OpenTown extends Town {
  /** Resolves once a site is asked for a page that hangs. */
  readonly hung: () => Promise<void>;
  readonly close: () => void;
}

const NOW = 1_800_000_000;
const PRIVATE_KEY = "5d".repeat(32);

/** Pages of other origins may ask, and read the answers. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers":
    "authorization, macaroon, sigil-holder, signature, signature-input, content-digest",
  "access-control-expose-headers": "www-authenticate",
} as const;

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Opens the town that `publicKeys` of public-key.ts is told of. */
export async function openTown(): Promise<OpenTown> {
  const stops: (() => void)[] = [];
  let hung = () => {};

  async function listen(answer: Answer): Promise<string> {
    const server = createServer((request, response) => {
      for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value);
      if (request.method === "OPTIONS") response.writeHead(204).end();
      else void answer(request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    stops.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function site(first: Served = { body: "[]" }): Promise<string> {
    let served = first;
    let asked = 0;
    return listen(async (request, response) => {
      if (request.url === "/serve") {
        served = JSON.parse(await text(request)) as Served;
        return response.end();
      }
      if (request.url === "/asked") return response.end(String(asked));
      if (request.url !== KEYS_PATH) return response.writeHead(404).end();
      asked++;
      const { body, status = 200, type = "application/json", location, hangsUp, hangs } = served;
      if (hangsUp) return request.socket.destroy();
      if (hangs) return hung();
      response.setHeader("content-type", type);
      if (location !== undefined) response.setHeader("location", location);
      return response.writeHead(status).end(body);
    });
  }

  const issuer = await site();
  const minter = new Minter({ privateKey: PRIVATE_KEY, issuer, keyId: 1, clock: () => NOW });
  const key = { algorithm: "ed25519", key_bytes: Buffer.from(minter.publicKey).toString("hex") };
  await fetch(`${issuer}/serve`, {
    method: "POST",
    body: JSON.stringify({ body: JSON.stringify([{ ...key, key_id: 1, issuer }]) }),
  });

  let forecast: Answer = () => {};
  const service = await listen((request, response) => forecast(request, response));
  const paywall = new Paywall({ location: service, trust: [issuer], clock: () => NOW });
  forecast = paid(paywall, {}, (_, response) => void response.end("sunny"));

  return {
    opener: await listen(async (_, response) => response.end(await site())),
    ...{ service, issuer, privateKey: PRIVATE_KEY, now: NOW },
    hung: () =>
      new Promise((resolve) => {
        hung = resolve;
      }),
    close: () => {
      for (const stop of stops) stop();
    },
  };
}
