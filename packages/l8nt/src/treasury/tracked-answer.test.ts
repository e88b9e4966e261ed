/** A relayed answer on its way: what is kept of it, and when it counts as arrived. */
import { describe, expect, onTestFinished, test } from "vitest";
import { watchWritten } from "../http/written.ts";
import { serve } from "../node/index.ts";
import { type Sleep, systemSleep } from "../ports/clock.ts";
import { gate } from "../testing/fixtures/town.ts";
import { MAX_KEPT_BYTES } from "./kept-answers.ts";
import { READ_ON_SECONDS, tracked } from "./tracked-answer.ts";

const utf8 = new TextEncoder();

/** A source whose parts are pushed by hand. */
function source() {
  let sink!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      sink = controller;
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  return {
    body,
    push: (text: string) => sink.enqueue(utf8.encode(text)),
    end: () => sink.close(),
    fail: () => sink.error(new Error("the line is cut")),
    isCancelled: () => isCancelled,
  };
}

function track(
  body: BodyInit | null,
  { signal, readsOn = systemSleep }: { signal?: AbortSignal; readsOn?: Sleep | null } = {},
) {
  const ends: string[] = [];
  const response = tracked(new Response(body), {
    signal,
    isKept: true,
    ...(readsOn !== null && { readsOn }),
    onRead: (bytes) =>
      ends.push(bytes === undefined ? "not kept" : `kept ${new TextDecoder().decode(bytes)}`),
    onWritten: (ending) => ends.push(ending),
  });
  return { response, ends };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("without a server that reports", () => {
  test("a body that is read to its end has arrived, and is kept", async () => {
    const { response, ends } = track("served");
    await settled();
    // Read ahead, and not by the agent.
    expect(ends).toEqual(["kept served"]);
    expect(await response.text()).toBe("served");
    expect(ends).toEqual(["kept served", "read"]);
  });

  test("a body that is cancelled has not arrived, and is read on for being kept", async () => {
    const from = source();
    const { response, ends } = track(from.body);
    from.push("ser");
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    expect(ends).toEqual(["cut"]);
    from.push("ved");
    from.end();
    await settled();
    expect(ends).toEqual(["cut", "kept served"]);
    expect(from.isCancelled()).toBe(false);
  });

  test("a small body that goes on after its agent has gone is given up after a few seconds", async () => {
    const from = source();
    const over = gate();
    const waits: number[] = [];
    const readsOn: Sleep = (seconds) => {
      waits.push(seconds);
      return over.opened;
    };
    const { response, ends } = track(from.body, { readsOn });
    from.push("ser");
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    from.push("v");
    await settled();
    expect([ends, from.isCancelled(), waits]).toEqual([["cut"], false, [READ_ON_SECONDS]]);
    over.open();
    await settled();
    expect([ends, from.isCancelled()]).toEqual([["cut", "not kept"], true]);
  });

  test.each([
    ["its reader cancels", "cancel"],
    ["its agent's signal aborts", "abort"],
  ])("a body that is not read on ends at once when %s", async (_how, how) => {
    const from = source();
    const agent = new AbortController();
    const { response, ends } = track(from.body, { readsOn: null, signal: agent.signal });
    from.push("ser");
    const reader = response.body!.getReader();
    await reader.read();
    if (how === "cancel") await reader.cancel();
    else {
      const next = reader.read();
      agent.abort();
      await expect(next).rejects.toThrow();
    }
    await settled();
    expect([ends, from.isCancelled()]).toEqual([["cut", "not kept"], true]);
  });

  test("a large body that is cancelled ends at its source, and is not kept", async () => {
    const from = source();
    const { response, ends } = track(from.body);
    from.push("x".repeat(MAX_KEPT_BYTES + 1));
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await settled();
    expect(ends).toEqual(["cut", "not kept"]);
    expect(from.isCancelled()).toBe(true);
  });

  test("a large body arrives whole", async () => {
    const text = "x".repeat(3 * MAX_KEPT_BYTES);
    const { response, ends } = track(text);
    expect(await response.text()).toBe(text);
    expect(ends).toEqual(["not kept", "read"]);
  });

  test("a body that breaks is passed on up to there, has not arrived, and is not kept", async () => {
    const from = source();
    const { response, ends } = track(from.body);
    from.push("ser");
    const reader = response.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    from.fail();
    await expect(reader.read()).rejects.toThrow("the line is cut");
    expect(ends).toEqual(["not kept", "cut"]);
  });

  test("a large body that nobody reads ends when its source does", async () => {
    const from = source();
    const { ends } = track(from.body);
    from.push("x".repeat(MAX_KEPT_BYTES + 1));
    await settled();
    expect(ends).toEqual([]);
    from.fail();
    await settled();
    expect(ends).toEqual(["not kept", "cut"]);
  });

  test("nothing arrives at an agent that has gone", async () => {
    const gone = AbortSignal.abort();
    const { response, ends } = track("served", { signal: gone });
    await expect(response.text()).rejects.toThrow();
    expect(ends).toEqual(["cut", "kept served"]);
  });
});

describe("with a server that reports", () => {
  test("that the body was read says nothing; the report decides, once", async () => {
    const { response, ends } = track("served");
    const report = watchWritten(response)!;
    await response.text();
    expect(ends).toEqual(["kept served"]);
    report(false);
    report(true);
    expect(ends).toEqual(["kept served", "cut"]);
  });

  test("l8nt/node reports an answer whose last byte left, and one whose connection closed", async () => {
    const ends: string[][] = [];
    const from = source();
    const here = await serve((request) => {
      const { response, ends: own } = track(request.url.endsWith("/whole") ? "served" : from.body, {
        signal: request.signal,
      });
      ends.push(own);
      return response;
    });
    onTestFinished(() => here.close());
    expect(await (await fetch(`${here.url}/whole`)).text()).toBe("served");
    await expect.poll(() => ends[0]).toEqual(["kept served", "left"]);

    const leaving = new AbortController();
    const left = gate();
    const asking = fetch(`${here.url}/cut`, { signal: leaving.signal });
    from.push("ser");
    await (await asking).body!.getReader().read();
    leaving.abort();
    left.open();
    await expect.poll(() => ends[1]).toEqual(["cut"]);
    from.push("ved");
    from.end();
    await expect.poll(() => ends[1]).toEqual(["cut", "kept served"]);
  });
});
