/** Tells caches that a Node response is for one client. spec/3-challenge.md §5. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { isForSharedCaches, privateCacheControl, varyWithCredentials } from "../service/caching.ts";
import type { Granted } from "../service/index.ts";
import { endWithCredential } from "./ended.ts";
import { type GivenFields, takenFrom } from "./given-fields.ts";

/**
 * Changes the fields of a paid answer when its head is made, and breaks it off with its credential.
 * Wraps what settles it.
 */
export function sendPrivately(outgoing: ServerResponse, granted: Granted): void {
  if (granted.grant.nodeId === undefined) return;
  endWithCredential(outgoing, granted);
  // Dropped with the head: a kept connection keeps its last response.
  let open: Granted | undefined = granted;
  const isPrivate = (): boolean => !outgoing.headersSent && open?.isForAll() === false;
  const writeHead = outgoing.writeHead as (status: number, ...rest: unknown[]) => ServerResponse;
  outgoing.writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    if (!isPrivate()) return writeHead.call(outgoing, status, ...rest);
    const given = rest.at(-1);
    const isGiven = typeof given === "object" && given !== null;
    if (!saysSomething(outgoing, isGiven ? (given as GivenFields) : undefined)) {
      const message = typeof rest[0] === "string" ? [rest[0]] : [];
      writeHead.call(outgoing, status, ...message, { ...(isGiven && given), ...PRIVATE });
      open = undefined;
      return outgoing;
    }
    const passed = isGiven ? takenFrom(outgoing, given as GivenFields, isAboutCaches) : undefined;
    protect(outgoing);
    // A field that HTTP does not have makes it throw, and another head may follow.
    writeHead.call(outgoing, status, ...(isGiven ? [...rest.slice(0, -1), passed] : rest));
    open = undefined;
    return outgoing;
  };
  respondPrivately(outgoing, () => open?.isForAll() === false);
  const flushHeaders = outgoing.flushHeaders;
  outgoing.flushHeaders = (): void => {
    if (isPrivate()) protect(outgoing);
    flushHeaders.call(outgoing);
    open = undefined;
  };
}

/** What a response over HTTP/2 has besides: a handler may write a head to it past the response. */
type Http2Stream = Record<"respond" | "respondWithFile" | "respondWithFD", Send>;
type Send = (...given: unknown[]) => unknown;
type StatCheck = (stat: unknown, fields: OutgoingHttpHeaders, options: unknown) => unknown;

/**
 * Changes the fields of a head that a handler writes to the stream, and takes pushes from it: what
 * is pushed is another answer, which nobody paid for. Node refuses to push as it does for a client
 * that takes none.
 */
function respondPrivately(outgoing: ServerResponse, isPrivate: () => boolean): void {
  const { stream } = outgoing as { stream?: Http2Stream };
  if (stream === undefined) return;
  Object.defineProperty(stream, "pushAllowed", { value: false });
  const protectedIf = (fields: unknown): unknown => (isPrivate() ? withPrivate(fields) : fields);
  const { respond } = stream;
  stream.respond = (fields, ...rest) => respond.call(stream, protectedIf(fields), ...rest);
  for (const name of ["respondWithFile", "respondWithFD"] as const) {
    const send = stream[name];
    stream[name] = (file, fields, options) => {
      const { statCheck } = { ...(options as { statCheck?: StatCheck } | undefined) };
      // Called last, and may set fields.
      const check: StatCheck = (stat, made, given) => {
        const result = statCheck?.call(stream, stat, made, given);
        if (isPrivate()) {
          const kept = withPrivate(made) as OutgoingHttpHeaders;
          for (const key of Object.keys(made)) delete made[key];
          Object.assign(made, kept);
        }
        return result;
      };
      return send.call(stream, file, protectedIf(fields), { ...Object(options), statCheck: check });
    };
  }
}

/** The fields of a head, an object or a flat list, with what caches are told. */
function withPrivate(given: unknown): unknown {
  const isList = Array.isArray(given);
  const pairs: (readonly [string, unknown])[] = isList
    ? given.flatMap((name: unknown, at) => (at % 2 === 0 ? [[String(name), given[at + 1]]] : []))
    : Object.entries(Object(given));
  const told = (name: string): string | undefined => {
    const values = pairs.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
    return values.length === 0 ? undefined : values.flat().join(", ");
  };
  const kept: (readonly [string, unknown])[] = [
    ...pairs.filter(([name]) => !isAboutCaches(name)),
    ["cache-control", privateCacheControl(told("cache-control"))],
    ["vary", varyWithCredentials(told("vary"))],
  ];
  if (isList) return kept.flat();
  // Which fields are sensitive stands under a symbol.
  const symbols = Object.getOwnPropertySymbols(Object(given)).map((key) => [
    key,
    Reflect.get(Object(given), key),
  ]);
  return Object.fromEntries([...kept, ...symbols]);
}

/** What is added to an answer that says nothing about caches: nearly every one. */
const PRIVATE = {
  "cache-control": privateCacheControl(undefined),
  vary: varyWithCredentials(undefined),
};

/** Whether a head says something about caches already, or is given as a list. */
function saysSomething(outgoing: ServerResponse, given: GivenFields | undefined): boolean {
  if (outgoing.getHeaderNames().some(isAboutCaches) || Array.isArray(given)) return true;
  for (const name in given) if (isAboutCaches(name)) return true;
  return false;
}

const isAboutCaches = (name: string): boolean =>
  /^(?:cache-control|vary)$/i.test(name) || isForSharedCaches(name);

function protect(outgoing: ServerResponse): void {
  for (const name of outgoing.getHeaderNames())
    if (isForSharedCaches(name)) outgoing.removeHeader(name);
  outgoing.setHeader("cache-control", privateCacheControl(textOf(outgoing, "cache-control")));
  outgoing.setHeader("vary", varyWithCredentials(textOf(outgoing, "vary")));
}

function textOf(outgoing: ServerResponse, name: string): string | undefined {
  const value = outgoing.getHeader(name);
  return value === undefined ? undefined : [value].flat().join(", ");
}
