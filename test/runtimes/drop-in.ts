/**
 * What a client with a credential does as the runtime's own `fetch` would: the request that leaves
 * is the same, and so is what the caller gets. The global `fetch` is replaced meanwhile, because
 * not every runtime may use a network here.
 */
import { Client } from "l8nt";

type Check = (name: string, body: () => unknown) => Promise<void>;

const origin = "https://api.weather.example";
const LARGE = 2 * 1024 * 1024;

function same(what: string, found: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what}: ${one.slice(0, 300)}, not ${other.slice(0, 300)}`);
}

/** What a server would see of a request. A boundary is random. */
async function seen(request: Request): Promise<readonly unknown[]> {
  const type = (request.headers.get("content-type") ?? "").replace(/boundary=.*/, "boundary");
  const body = await request.text();
  return [request.method, request.url, type, request.headers.get("x-mine"), body.length];
}

/** Replaces the global `fetch` by `answer` while `act` runs; what was sent to it. */
async function serving(
  answer: (request: Request) => Response | Promise<Response>,
  act: () => Promise<unknown>,
): Promise<readonly (readonly unknown[])[]> {
  const sent: (readonly unknown[])[] = [];
  const own = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const head = request.clone();
    sent.push(await seen(head));
    return answer(request);
  };
  try {
    await act();
  } finally {
    globalThis.fetch = own;
  }
  return sent;
}

/** @param credential one that cannot pay, for another service */
export async function dropIn(check: Check, credential: string): Promise<void> {
  const client = new Client({ credential });
  const text = (length: number) => "x".repeat(length);
  const form = (length: number) => {
    const fields = new FormData();
    fields.set("a", new Blob([text(length)]), "a.txt");
    fields.set("b", "field");
    return fields;
  };
  const bodies: Readonly<Record<string, (length: number) => BodyInit>> = {
    text,
    bytes: (length) => new TextEncoder().encode(text(length)),
    file: (length) => new Blob([text(length)]),
    query: (length) => new URLSearchParams({ a: text(length) }),
    form,
  };

  for (const [kind, make] of Object.entries(bodies))
    await check(`drop-in: a body of ${kind} arrives whole, small and large`, async () => {
      for (const length of [3, LARGE])
        for (const isRequest of [false, true]) {
          const init = () => ({
            method: "POST",
            body: make(length),
            headers: { "x-mine": "1" },
          });
          const expected = await seen(new Request(`${origin}/a`, init()));
          const [found, ...others] = await serving(
            () => new Response("ok"),
            () =>
              isRequest
                ? client.fetch(new Request(`${origin}/a`, init()))
                : client.fetch(`${origin}/a`, init()),
          );
          same(`${kind}, ${length}, in a Request: ${isRequest}`, found, expected);
          same("requests after it", others, []);
        }
    });

  await check("drop-in: redirects are followed as fetch does, also in bytes of UTF-8", async () => {
    const bytes = new TextEncoder().encode("/café?q=日");
    const location = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const sent = await serving(
      (request) =>
        request.url.endsWith("/a")
          ? new Response(null, { status: 303, headers: { location } })
          : new Response("ok"),
      async () => same("the answer", await (await client.post(`${origin}/a`, "x")).text(), "ok"),
    );
    same(
      "where it led",
      sent.map(([method, url]) => `${method} ${url}`),
      [`POST ${origin}/a`, `GET ${origin}/caf%C3%A9?q=%E6%97%A5`],
    );
  });

  await check("drop-in: a 402 about an account is the answer, and no other one", async () => {
    const answers: unknown[] = [];
    for (const headers of [{ authorization: "Bearer mine" }, {}])
      await serving(
        () => new Response("no credit", { status: 402 }),
        async () =>
          answers.push(
            await new Client({ credential: "" }).get(origin, { headers }).then(
              ({ status }) => status,
              (error) => (error as { code?: string }).code,
            ),
          ),
      );
    same("the outcomes", answers, [402, "ERR_PAYMENT_REQUIRED"]);
  });

  await check("drop-in: an abort ends the call with the caller's reason", async () => {
    const abort = new AbortController();
    const reason = new Error("enough");
    await serving(
      ({ signal }) =>
        new Promise((_, fail) => {
          signal.addEventListener("abort", () => fail(signal.reason));
          abort.abort(reason);
        }),
      async () => {
        const error = await client.get(origin, { signal: abort.signal }).catch((thrown) => thrown);
        same("the reason", String(error), String(reason));
      },
    );
  });
}
