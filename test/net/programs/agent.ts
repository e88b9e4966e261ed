/**
 * An agent's program. It reads orders from stdin, one JSON object a line, and prints what came of
 * each, in the same order.
 */
import { once } from "node:events";
import { connect } from "node:http2";
import { createInterface } from "node:readline";
import { Client, Credential, SigilError } from "l8nt";

export interface AskOptions {
  readonly url: string;
  readonly credential?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /**
   * `client`: with a client of the library, which pays. `plain`: with the global fetch. `order`:
   * as an order to the treasury, without asking the service first. `handed`: with what the treasury
   * handed over for the last order.
   *
   * @default "client"
   */
  readonly by?: "client" | "plain" | "order" | "handed";
  /** Sends over HTTP/2. */
  readonly http2?: boolean;
}

export interface Told {
  readonly status?: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  /** Of an error: its code, its message and those of its causes. */
  readonly code?: string;
  readonly message?: string;
  readonly spent?: string;
  readonly payments: number;
}

/** `fetch` over one HTTP/2 connection for each request. */
const fetchOverHttp2: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  const { origin, pathname, search } = new URL(request.url);
  const session = connect(origin);
  try {
    const stream = session.request({
      ...Object.fromEntries(request.headers),
      ":method": request.method,
      ":path": pathname + search,
    });
    const failed = once(session, "error").then(([error]) => Promise.reject(error));
    failed.catch(() => {});
    stream.end(request.body === null ? undefined : Buffer.from(await request.arrayBuffer()));
    const [head] = await Promise.race([once(stream, "response"), failed]);
    const headers = new Headers();
    for (const [name, value] of Object.entries(head as Record<string, string | string[]>))
      if (!name.startsWith(":"))
        for (const line of [value].flat()) headers.append(name, String(line));
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    const body = parts.length === 0 ? null : Buffer.concat(parts);
    return new Response(body, { status: Number(head[":status"]), headers });
  } finally {
    session.close();
  }
};

let handed = "";
/** A credential that a treasury hands over is kept, and not printed. */
const concealed = (body: string): string =>
  body.replace(/"credential":"([^"]*)"/, (_, text: string) => {
    handed = text;
    return '"credential":"(concealed)"';
  });

/** One client for each credential, so that it knows its orders. */
const clients = new Map<string, { readonly client: Client; readonly paid: { count: number } }>();

function clientOf(credential: string, isHttp2: boolean) {
  const key = `${isHttp2} ${credential}`;
  let known = clients.get(key);
  if (known === undefined) {
    const paid = { count: 0 };
    const client = new Client({
      credential,
      onPayment: () => void paid.count++,
      ...(isHttp2 && { fetch: fetchOverHttp2 }),
    });
    known = { client, paid };
    clients.set(key, known);
  }
  return known;
}

function order({ url, method = "GET", credential = "" }: AskOptions): Promise<Response> {
  const { location } = Credential.parse(credential);
  return fetch(`${location}/v1/purchases`, {
    method: "POST",
    redirect: "manual",
    headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
    body: JSON.stringify({ id: crypto.randomUUID(), method, url, headers: [] }),
  });
}

async function ask(options: AskOptions): Promise<Told> {
  const { url, method = "GET", headers, body, by = "client", http2 = false, credential } = options;
  const presented = by === "handed" ? { authorization: `L402 ${handed}` } : {};
  const init = {
    method,
    headers: { ...headers, ...presented },
    ...(body !== undefined && { body }),
  };
  const { client, paid } = clientOf(by === "client" ? (credential ?? "") : "", http2);
  const before = paid.count;
  const plain = http2 ? fetchOverHttp2 : fetch;
  try {
    const response = await (by === "order"
      ? order(options)
      : by === "client"
        ? client.fetch(url, init)
        : plain(url, { ...init, redirect: "manual" }));
    return {
      status: response.status,
      headers: [...response.headers],
      body: concealed(await response.text()),
      payments: paid.count - before,
    };
  } catch (error) {
    const messages: string[] = [];
    for (let at: unknown = error; at instanceof Error; at = at.cause) messages.push(at.message);
    const { code, spent } = error as { code?: string; spent?: string };
    return {
      headers: [],
      body: "",
      message: messages.join(" < "),
      ...(code !== undefined && { code }),
      ...(error instanceof SigilError && spent !== undefined && { spent }),
      payments: paid.count - before,
    };
  }
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await ask(JSON.parse(line) as AskOptions)));
