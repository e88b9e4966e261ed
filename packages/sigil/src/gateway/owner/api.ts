/**
 * The owner's API of a running gateway, on a Unix socket in its folder: who may open the socket is
 * the owner, so it takes no credential.
 */
import { AdapterError } from "l8nt";
import { type Handler, type Served, serve } from "l8nt/node";
import { z } from "zod";
import type { AlertFeed } from "../alerts/feed.ts";
import { type Owner, OwnerError } from "./owner.ts";

/** The name of the socket in the folder of the gateway. */
export const OWNER_SOCKET = "owner.sock";

const node = z.string().min(1).max(1000);
const reason = z
  .string()
  .regex(/^[^\p{Cc}]{1,200}$/u, "must be one line of at most 200 characters")
  .optional();

export const BODIES = {
  revoke: z.strictObject({ node }),
  freeze: z.strictObject({ node: node.optional(), reason }),
  thaw: z.strictObject({ node: node.optional(), reason }),
  topup: z.strictObject({ node, amount: z.string(), until: z.number(), reason }),
} as const;

export type OwnerVerb = keyof typeof BODIES;
export type OwnerBody<Verb extends OwnerVerb> = z.input<(typeof BODIES)[Verb]>;

const MAX_BODY_BYTES = 16 * 1024;

export interface OwnerApiOptions {
  readonly owner: Owner;
  readonly alerts: AlertFeed;
  readonly alarm: (what: string, cause?: unknown) => void;
}

export function ownerApi({ owner, alerts, alarm }: OwnerApiOptions): Handler {
  const act: { readonly [Verb in OwnerVerb]: (body: unknown) => Promise<string> } = {
    revoke: (body) => owner.revoke(BODIES.revoke.parse(body).node),
    freeze: (body) => {
      const { node: named, reason: why } = BODIES.freeze.parse(body);
      return owner.freeze(named, why);
    },
    thaw: (body) => {
      const { node: named, reason: why } = BODIES.thaw.parse(body);
      return owner.thaw(named, why);
    },
    topup: (body) => {
      const { node: named, ...more } = BODIES.topup.parse(body);
      return owner.topUp(named, more);
    },
  };
  return async (request) => {
    const { pathname } = new URL(request.url);
    const verb = pathname.slice(1);
    try {
      if (request.method === "GET" && verb === "agents")
        return Response.json({ agents: await owner.list() });
      if (request.method === "GET" && verb === "alerts") return alerts.response();
      if (request.method !== "POST" || !Object.hasOwn(act, verb))
        return Response.json(
          { error: "The gateway's owner has no such command." },
          { status: 404 },
        );
      return Response.json({ node: await act[verb as OwnerVerb](await jsonOf(request)) });
    } catch (error) {
      if (error instanceof OwnerError || error instanceof TypeError)
        return Response.json({ error: error.message }, { status: 400 });
      if (error instanceof z.ZodError)
        return Response.json({ error: z.prettifyError(error) }, { status: 400 });
      alarm("the owner's command failed", error);
      const why = error instanceof AdapterError ? error.message : "The gateway failed.";
      return Response.json({ error: why }, { status: 503 });
    }
  };
}

async function jsonOf(request: Request): Promise<unknown> {
  const text = await request.text();
  if (text.length > MAX_BODY_BYTES) throw new OwnerError("The command is too long.");
  try {
    return JSON.parse(text);
  } catch {
    throw new OwnerError("The command is no JSON.");
  }
}

/** @param socket the path; what a gateway that died left there was removed */
export const serveOwner = (socket: string, options: OwnerApiOptions): Promise<Served> =>
  serve(ownerApi(options), { socket, origin: "http://gateway.invalid" });
