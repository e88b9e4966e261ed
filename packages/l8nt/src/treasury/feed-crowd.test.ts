/** A treasury's feed while strangers hold every place to wait. spec/7-revocation-feed.md §2. */
import { expect, onTestFinished, test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { secretOf } from "../testing/fixtures/town.ts";
import { REVOCATIONS_PATH } from "../wire/revocation.ts";
import { serveTreasury } from "./serve.ts";

test("a request that cannot wait is answered at once, and one that does not wait as ever", async () => {
  const served = await serveTreasury({
    secret: secretOf("treasury"),
    location: "http://127.0.0.1:8409",
    wallet: async () => Promise.reject(new Error("not needed")),
    store: new MemoryStore(),
    maxOrders: 8,
  });
  onTestFinished(() => served.stop());
  const gone = new AbortController();
  onTestFinished(() => gone.abort());
  const ask = (query: string, headers: Record<string, string> = {}) =>
    served.handler(
      new Request(`http://127.0.0.1:8409${REVOCATIONS_PATH}${query}`, {
        headers,
        signal: gone.signal,
      }),
    );
  const streams = Array.from({ length: 4 }, () => ask("", { accept: "application/x-ndjson" }));
  for (const stream of await Promise.all(streams)) expect(stream.status).toBe(200);
  for (const query of ["", "?after=0", "?after=0&wait=25"]) {
    const response = await ask(query);
    expect(response.status, query).toBe(200);
    expect(await response.json(), query).toMatchObject({ after: 0 });
  }
});
