import { describe, expect, test, vi } from "vitest";
import { keeping } from "./keeping.ts";
import { type Answer, answerOf, MAX_ANSWER_BYTES, Repeats } from "./repeats.ts";

const text = ({ body }: Answer) => new TextDecoder().decode(body);
const bytes = (length: number) => new Uint8Array(length);

function kept(response: Response) {
  const keep = vi.fn<(answer: Answer | undefined) => void>();
  return { response: keeping(response, keep), keep };
}

/** A body of these parts, whose source is asked for each. */
function slow(parts: readonly string[], end: "closes" | "fails" | "hangs" = "closes") {
  const cancelled = vi.fn();
  let at = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const part = parts[at++];
        if (part !== undefined) controller.enqueue(new TextEncoder().encode(part));
        else if (end === "closes") controller.close();
        else if (end === "fails") controller.error(new Error("broken"));
      },
      cancel: cancelled,
    },
    { highWaterMark: 0 },
  );
  return { body, cancelled };
}

describe("an answer", () => {
  test("is kept when it was sent to its end, without the fields of one connection", async () => {
    const headers = { "content-type": "text/x", date: "now", connection: "close", "x-a": "1" };
    const { response, keep } = kept(new Response("sunny", { status: 201, headers }));
    expect(keep).not.toHaveBeenCalled();
    expect(await response.text()).toBe("sunny");
    expect(keep).toHaveBeenCalledExactlyOnceWith({
      status: 201,
      headers: [
        ["content-type", "text/x"],
        ["x-a", "1"],
      ],
      body: new TextEncoder().encode("sunny"),
    });
  });

  test("without content is kept at once", () => {
    const { keep } = kept(new Response(null, { status: 204 }));
    expect(keep).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ status: 204, body: bytes(0) }),
    );
  });

  test.each([
    [MAX_ANSWER_BYTES, true],
    [MAX_ANSWER_BYTES + 1, false],
  ])("of %i bytes arrives whole, and is kept: %s", async (length, isKept) => {
    const { response, keep } = kept(new Response(bytes(length), { headers: {} }));
    expect((await response.arrayBuffer()).byteLength).toBe(length);
    expect(keep).toHaveBeenCalledTimes(1);
    expect(keep.mock.calls[0]![0]?.body.length).toBe(isKept ? length : undefined);
  });

  test("that breaks off is not kept", async () => {
    const { response, keep } = kept(new Response(slow(["half"], "fails").body));
    await expect(response.text()).rejects.toThrow("broken");
    expect(keep).toHaveBeenCalledExactlyOnceWith(undefined);
  });

  test("is kept whole if its client leaves before the end", async () => {
    const { body, cancelled } = slow(["half", " and ", "half"]);
    const { response, keep } = kept(new Response(body));
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await vi.waitFor(() => expect(keep).toHaveBeenCalledTimes(1));
    expect(text(keep.mock.calls[0]![0]!)).toBe("half and half");
    expect(cancelled).not.toHaveBeenCalled();
  });

  test("without an end is cancelled after its client has left, and not kept", async () => {
    vi.useFakeTimers();
    try {
      const { body, cancelled } = slow(["half"], "hangs");
      const { response, keep } = kept(new Response(body));
      const reader = response.body!.getReader();
      await reader.read();
      await reader.cancel();
      await vi.advanceTimersByTimeAsync(5_000);
      expect(keep).toHaveBeenCalledExactlyOnceWith(undefined);
      expect(cancelled).toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("what is kept", () => {
  const request = (key: string) => ({
    nodeIds: ["n"],
    key,
    fingerprint: "ab",
    at: 1,
    endsAt: 9,
  });
  const begin = (repeats: Repeats, key: string) => {
    const begun = repeats.begin(request(key));
    if (begun.kind !== "new") throw new Error(`it is ${begun.kind}`);
    return begun.use;
  };

  test("has a bound: the oldest answers are forgotten, and never what still runs", () => {
    const repeats = new Repeats();
    const running = begin(repeats, "running");
    const keep = running.keeper()!;
    for (let at = 0; at < 1000; at++) {
      const use = begin(repeats, `k${at}`);
      use.keeper()!(answerOf(200, [], bytes(60_000)));
      use.end(true);
    }
    expect(repeats.begin(request("running"))).toEqual({ kind: "running" });
    const known = Array.from({ length: 1000 }, (_, at) => repeats.begin(request(`k${at}`)).kind);
    expect(known.lastIndexOf("new")).toBeLessThan(500);
    const count = known.filter((kind) => kind === "answered").length;
    expect(count).toBeGreaterThan(500);
    expect(count * 60_000).toBeLessThanOrEqual(32 * 1024 * 1024 + 60_000);
    keep(answerOf(200, [], bytes(1)));
    running.end(true);
  });

  test.each([
    ["as itself", () => ["root", "bad"]],
    ["as nodes below it", (at: number) => ["root", "bad", `child ${at}`]],
  ])("is not driven out by another holder's keys, %s", (_how, path) => {
    const repeats = new Repeats();
    const others = [["root"], ["root", "good"], ["another"], ["another", "kind"]];
    const serve = (nodeIds: readonly string[], key: string) => {
      const begun = repeats.begin({ ...request(key), nodeIds });
      if (begun.kind !== "new") return begun.kind;
      begun.use.keeper()!(answerOf(200, [], bytes(1000)));
      begun.use.end(true);
      return begun.kind;
    };
    for (const nodeIds of others) expect(serve(nodeIds, "k")).toBe("new");
    for (let at = 0; at < 20_000; at++) serve(path(at), `k${at}`);
    for (const nodeIds of others) expect(serve(nodeIds, "k")).toBe("answered");
    expect(serve(path(0), "k0")).toBe("new");
    expect(serve(path(19_999), "k19999")).toBe("answered");
  });

  test("is nothing if nobody took the duty to hand it in", () => {
    const repeats = new Repeats();
    begin(repeats, "k").end(true);
    expect(repeats.begin(request("k"))).toEqual({ kind: "gone" });
  });

  test("ends with the credential", () => {
    const repeats = new Repeats();
    begin(repeats, "k");
    expect(repeats.begin({ ...request("k"), at: 8.9 })).toEqual({ kind: "running" });
    expect(repeats.begin({ ...request("k"), at: 9 }).kind).toBe("new");
  });

  test("is not told from a request whose body cannot be read", () => {
    const repeats = new Repeats();
    const unread = { ...request("k"), fingerprint: undefined };
    begin(repeats, "k");
    expect(repeats.begin(unread)).toEqual({ kind: "other" });
  });

  test("is nothing of a request whose body cannot be read, and its key is used all the same", () => {
    const repeats = new Repeats();
    const unread = { ...request("k"), fingerprint: undefined };
    const given = repeats.begin(unread);
    if (given.kind !== "new") throw new Error(`it is ${given.kind}`);
    expect(given.use.keeper()).toBeUndefined();
    given.use.end(false);
    const served = repeats.begin(unread);
    if (served.kind !== "new") throw new Error(`it is ${served.kind}`);
    served.use.end(true);
    expect(repeats.begin(unread)).toEqual({ kind: "other" });
    expect(repeats.begin(request("k"))).toEqual({ kind: "other" });
  });
});
