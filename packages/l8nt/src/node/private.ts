/** Tells caches that a Node response is for one client. spec/3-challenge.md §5. */
import type { ServerResponse } from "node:http";
import { isForSharedCaches, privateCacheControl, varyWithCredentials } from "../service/caching.ts";
import type { Granted } from "../service/index.ts";

type Fields = Record<string, unknown> | readonly unknown[];

/** Changes the fields of a paid answer when its head is made. Wraps what settles it. */
export function sendPrivately(outgoing: ServerResponse, granted: Granted): void {
  if (granted.grant.nodeId === undefined) return;
  // Dropped with the head: a kept connection keeps its last response.
  let open: Granted | undefined = granted;
  const isPrivate = (): boolean => !outgoing.headersSent && open?.isForAll() === false;
  const writeHead = outgoing.writeHead as (status: number, ...rest: unknown[]) => ServerResponse;
  outgoing.writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    if (!isPrivate()) return writeHead.call(outgoing, status, ...rest);
    const given = rest.at(-1);
    const isGiven = typeof given === "object" && given !== null;
    if (!saysSomething(outgoing, isGiven ? (given as Fields) : undefined)) {
      const message = typeof rest[0] === "string" ? [rest[0]] : [];
      writeHead.call(outgoing, status, ...message, { ...(isGiven && given), ...PRIVATE });
      open = undefined;
      return outgoing;
    }
    const passed = isGiven ? takenFrom(outgoing, given as Fields) : undefined;
    protect(outgoing);
    // A field that HTTP does not have makes it throw, and another head may follow.
    writeHead.call(outgoing, status, ...(isGiven ? [...rest.slice(0, -1), passed] : rest));
    open = undefined;
    return outgoing;
  };
  const flushHeaders = outgoing.flushHeaders;
  outgoing.flushHeaders = (): void => {
    if (isPrivate()) protect(outgoing);
    flushHeaders.call(outgoing);
    open = undefined;
  };
}

/** What is added to an answer that says nothing about caches: nearly every one. */
const PRIVATE = {
  "cache-control": privateCacheControl(undefined),
  vary: varyWithCredentials(undefined),
};

/** Whether a head says something about caches already, or is given as a list. */
function saysSomething(outgoing: ServerResponse, given: Fields | undefined): boolean {
  if (outgoing.getHeaderNames().some(isAboutCaches) || Array.isArray(given)) return true;
  for (const name in given) if (isAboutCaches(name)) return true;
  return false;
}

const isAboutCaches = (name: string): boolean =>
  /^(?:cache-control|vary)$/i.test(name) || isForSharedCaches(name);

/** Sets the fields that `writeHead` was given about caches, and returns the others. */
function takenFrom(outgoing: ServerResponse, given: Fields): Fields {
  if (!Array.isArray(given)) {
    const others: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(given))
      if (isAboutCaches(name)) outgoing.setHeader(name, value as string);
      else others[name] = value;
    return others;
  }
  const flat: unknown[] = given.flat();
  const others: unknown[] = [];
  const lines = new Map<string, string[]>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = String(flat[at]);
    if (isAboutCaches(name))
      lines.set(name.toLowerCase(), [
        ...(lines.get(name.toLowerCase()) ?? []),
        String(flat[at + 1]),
      ]);
    else others.push(flat[at], flat[at + 1]);
  }
  for (const [name, values] of lines) outgoing.setHeader(name, values);
  return others;
}

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
