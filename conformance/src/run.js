/** Runs cases against an implementation. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { wrong } from "./judge.js";
import { Peer, PeerError } from "./peer.js";

const folder = join(import.meta.dirname, "../cases");

/** Every case, with its group. */
export const readCases = () =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => {
      const { group, cases } = JSON.parse(readFileSync(join(folder, name), "utf8"));
      return cases.map((one) => ({ group, ...one }));
    });

/**
 * The results of one implementation: `{ hello, results: [{ id, group, result, why }] }`. A result is
 * one of `KINDS` in results.js. Without a `hello` there is an `error` in place of it.
 *
 * @param options `milliseconds` for one answer; or a `peer` with `ask` and `stop`, which is asked in
 * place of the command
 */
export async function run(command, cases, options = {}) {
  const { peer = new Peer(command, options) } = options;
  try {
    let hello;
    try {
      hello = await peer.ask({ do: "hello" });
    } catch (error) {
      return { error: messageOf(error), results: [] };
    }
    const { name, version, forms, features = [], codes = true } = hello;
    if (typeof name !== "string" || !Array.isArray(forms) || !Array.isArray(features))
      return {
        error: `to {"do": "hello"} it said ${said(hello)}; a name and a list of forms are needed`,
        results: [],
      };
    const facts = { name, version: String(version ?? ""), forms, features, codes };
    const results = [];
    for (const one of cases) results.push(await runCase(peer, one, facts));
    return { hello: facts, results };
  } finally {
    peer.stop();
  }
}

async function runCase(
  peer,
  { id, group, form, needs, steps, mayDiffer },
  { forms, features, codes },
) {
  const result = (kind, why) => ({ id, group, result: kind, ...(why !== undefined && { why }) });
  if (!forms.includes(form)) return result("other form");
  const lacks = needs.find((need) => !features.includes(need));
  if (lacks !== undefined) return result("unsupported", lacks);
  const answers = [];
  for (const { command, expect } of steps) {
    let answer;
    try {
      answer = await peer.ask(filled(command, answers));
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      return result(error.kind, error.message);
    }
    if (answer.unsupported === true) return result("unsupported", `the command ${command.do}`);
    const why = wrong(expect, answer, { codes });
    const isAllowed =
      mayDiffer !== undefined &&
      answer.ok === mayDiffer.verdict &&
      !features.includes(mayDiffer.without);
    if (why !== undefined) return result(isAllowed ? "differs" : "fail", why);
    answers.push(answer);
  }
  return result("pass");
}

/** A command in which `{ from, member }` stands for what an earlier step answered. */
const filled = (command, answers) =>
  Object.fromEntries(
    Object.entries(command).map(([name, value]) => [
      name,
      typeof value?.from === "number" ? answers[value.from][value.member] : value,
    ]),
  );

/** The beginning of an answer. */
function said(answer) {
  const text = JSON.stringify(answer);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

const messageOf = (error) => (error instanceof Error ? error.message : String(error));
