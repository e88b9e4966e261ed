/** `sigil gateway agents|revoke|freeze|thaw|topup|alerts`: what the owner does while it runs. */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { socketFetch } from "l8nt/node";
import { isDate } from "../../calendar.ts";
import { EXIT, UsageError } from "../../exit.ts";
import { printable } from "../../secrecy.ts";
import type { Terminal } from "../../terminal.ts";
import { dateText } from "../../words.ts";
import type { Given } from "../start/flags.ts";
import { folderOf } from "../start/given.ts";
import { THE_ROOT } from "./agents.ts";
import { OWNER_SOCKET, type OwnerBody, type OwnerVerb } from "./api.ts";
import type { AgentView } from "./owner.ts";

type Verb = (rest: readonly string[], given: Given, terminal: Terminal) => Promise<number>;

const VERBS: Readonly<Record<string, Verb>> = {
  agents,
  revoke: async (rest, given, terminal) => {
    const [node] = only(rest, 1, "revoke NODE-ID|NAME");
    if (given.has("reason")) throw new UsageError("--reason is for freeze, thaw and topup.");
    const done = await told(given, "revoke", { node: node! });
    return said(terminal, `Revoked ${done}, and everything below it.`, { node: done });
  },
  freeze: async (rest, given, terminal) => {
    const [node] = atMost(rest, 1, "freeze [NODE-ID|NAME]");
    const done = await told(given, "freeze", { node, reason: given.text("reason") });
    return said(terminal, `Frozen: ${named(done)}.`, { node: done });
  },
  thaw: async (rest, given, terminal) => {
    const [node] = atMost(rest, 1, "thaw [NODE-ID|NAME]");
    const done = await told(given, "thaw", { node, reason: given.text("reason") });
    return said(terminal, `Thawed: ${named(done)}.`, { node: done });
  },
  topup: async (rest, given, terminal) => {
    const usage = 'topup NODE-ID|NAME "5 usd" --until DATE';
    const [node, amount] = only(rest, 2, usage);
    const until = instantOf(given.text("until"), Date.now() / 1000);
    const body = { node: node!, amount: amount!, until, reason: given.text("reason") };
    const done = await told(given, "topup", body);
    return said(
      terminal,
      `Topped up ${done}: each of its own limits in that unit is ${printable(amount!)} higher until ${dateText(until)}. A limit of an hour, a day or a month is higher in each of them, so more than ${printable(amount!)} in all can be spent.`,
      { node: done, amount, until },
    );
  },
  alerts,
};

/** @param verb one that the command has */
export const ownerVerb = (
  verb: string,
  rest: readonly string[],
  given: Given,
  terminal: Terminal,
): Promise<number> => VERBS[verb]!(rest, given, terminal);

async function agents(rest: readonly string[], given: Given, terminal: Terminal): Promise<number> {
  atMost(rest, 0, "agents");
  const response = await asked(given, "agents");
  const all = ((await response.json()) as { readonly agents: readonly AgentView[] }).agents;
  const lines = all.map(({ node, name, state, limits, isPrinted }) =>
    [
      `${node}  ${state.padEnd(7)}  ${name === "" ? rootText(isPrinted) : printable(name)}`,
      ...limits.map(({ condition, left, limit }) => `    ${condition}: ${left} left of ${limit}`),
    ].join("\n"),
  );
  const text =
    lines.length === 0 ? "No agent was seen since the gateway started." : lines.join("\n");
  return said(terminal, text, { agents: all });
}

/** Agents of an earlier start may still have the key that it printed. */
const rootText = (isPrinted: boolean | undefined): string =>
  isPrinted === false ? `${THE_ROOT} of another key than the printed one` : THE_ROOT;

/** Prints alerts as they come, until Ctrl-C or until the gateway stops. */
async function alerts(rest: readonly string[], given: Given, terminal: Terminal): Promise<number> {
  atMost(rest, 0, "alerts");
  const { body } = await asked(given, "alerts");
  const input = Readable.fromWeb(body as ReadableStream);
  terminal.stderr.write("Listening for alerts. Ctrl-C ends this.\n");
  void terminal.untilStopped().then(() => input.destroy());
  try {
    for await (const line of createInterface({ input }))
      if (line.startsWith("data: ")) terminal.stdout.write(`${line.slice("data: ".length)}\n`);
  } catch (error) {
    if (!input.destroyed) throw error;
  }
  return EXIT.ok;
}

function said(terminal: Terminal, text: string, document: object): number {
  terminal.answer(`${text}\n`, document);
  return EXIT.ok;
}

const named = (node: string): string => (node === "*" ? "everything" : node);

/** @throws UsageError */
function only(rest: readonly string[], count: number, usage: string): readonly string[] {
  if (rest.length !== count) throw new UsageError(`Usage: sigil gateway ${usage} --dir DIR.`);
  return rest;
}

/** @throws UsageError */
function atMost(rest: readonly string[], count: number, usage: string): readonly string[] {
  if (rest.length > count) throw new UsageError(`Usage: sigil gateway ${usage} --dir DIR.`);
  return rest;
}

const SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

/** Unix seconds of a date, a date with a time, or a time from now on. @throws UsageError */
export function instantOf(text: string | undefined, now: number): number {
  const [, count, unit] = /^([1-9]\d{0,4})([mhd])$/.exec(text ?? "") ?? [];
  if (unit !== undefined) return Math.floor(now) + Number(count) * SECONDS[unit]!;
  // Without a zone, Date.parse takes a date for UTC and a time for local time, and it takes a day
  // that a month does not have for one of the next month.
  const isWritten = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/.test(text ?? "");
  const ms = isWritten && isDate(text!.slice(0, 10)) ? Date.parse(text!) : Number.NaN;
  if (Number.isNaN(ms))
    throw new UsageError(
      'Missing --until: when the top-up ends, such as "2026-12-01" (the beginning of that day in UTC), "2026-12-01T18:00Z", or "12h" from now.',
    );
  return ms / 1000;
}

async function told<Name extends OwnerVerb>(
  given: Given,
  verb: Name,
  body: { [Key in keyof OwnerBody<Name>]: OwnerBody<Name>[Key] | undefined },
): Promise<string> {
  const response = await asked(given, verb, body);
  return ((await response.json()) as { readonly node: string }).node;
}

/** @throws UsageError if the gateway does not run, or refuses */
async function asked(given: Given, path: string, body?: object): Promise<Response> {
  const fetch = socketFetch(join(folderOf(given), OWNER_SOCKET));
  let response: Response;
  try {
    response = await fetch(`http://gateway.invalid/${path}`, {
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    });
  } catch {
    throw new UsageError(
      "No gateway of this user runs in that folder: give the --dir, or the --config, that it was started with.",
    );
  }
  if (response.ok) return response;
  const { error } = (await response.json()) as { readonly error: string };
  throw new UsageError(printable(error));
}
