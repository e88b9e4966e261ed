/** Answers that are kept for an order whose agent did not hear the first one. */
import { expect, test } from "vitest";
import { devClock } from "../testing/dev-clock.ts";
import { type KeptAnswer, KeptAnswers, MAX_KEPT_BYTES, responseOf } from "./kept-answers.ts";

const answer = (body: string | number, status = 200): KeptAnswer => ({
  request: "f",
  status,
  statusText: "",
  headers: [["content-type", "text/plain"]],
  body: typeof body === "number" ? new Uint8Array(body) : new TextEncoder().encode(body),
  payment: undefined,
});

test("an answer is given again, as often as it is asked for, for ten minutes", async () => {
  const clock = devClock(1000);
  const kept = new KeptAnswers(clock);
  kept.keep("node order", ["node"], answer("served", 201));
  for (let times = 0; times < 2; times++) {
    const response = responseOf(kept.of("node order")!);
    expect([response.status, await response.text()]).toEqual([201, "served"]);
  }
  clock.advance("599s");
  expect(kept.of("node order")).toBeDefined();
  clock.advance("1s");
  expect(kept.of("node order")).toBeUndefined();
});

test("another node's order of the same id has none", () => {
  const kept = new KeptAnswers(() => 1000);
  kept.keep("one order", ["one"], answer("served"));
  expect(kept.of("other order")).toBeUndefined();
});

test("16 MiB are kept in all: the oldest go first, and an agent cannot make it more", () => {
  const kept = new KeptAnswers(() => 1000);
  const many = 2 * ((16 * 1024 * 1024) / MAX_KEPT_BYTES);
  for (let at = 0; at < many; at++) kept.keep(`node ${at}`, ["node"], answer(MAX_KEPT_BYTES));
  const left = Array.from({ length: many }, (_, at) => kept.of(`node ${at}`)).filter(Boolean);
  expect(left.length * MAX_KEPT_BYTES).toBeLessThanOrEqual(16 * 1024 * 1024);
  expect(left.length).toBeGreaterThan(200);
  expect(kept.of("node 0")).toBeUndefined();
  expect(kept.of(`node ${many - 1}`)).toBeDefined();
});

test.each([
  ["as itself", () => ["root", "team", "bad"]],
  ["as nodes below it", (at: number) => ["root", "team", "bad", `child ${at}`]],
])(
  "an agent that fills it, %s, drives out nothing of its siblings and its parent",
  (_how, path) => {
    const kept = new KeptAnswers(() => 1000);
    const others = [["root"], ["root", "other"], ["root", "team"], ["root", "team", "good"]];
    for (const nodeIds of others)
      kept.keep(`of ${nodeIds.at(-1)}`, nodeIds, answer(MAX_KEPT_BYTES));
    for (let at = 0; at < 2000; at++)
      kept.keep(`of bad ${at}`, path(at), answer(MAX_KEPT_BYTES / 2));
    for (const nodeIds of others) expect(kept.of(`of ${nodeIds.at(-1)}`)).toBeDefined();
    expect(kept.of("of bad 0")).toBeUndefined();
    expect(kept.of("of bad 1999")).toBeDefined();
  },
);

test("an answer without a body is given again without one", () => {
  expect(responseOf(answer("", 204)).body).toBeNull();
});
