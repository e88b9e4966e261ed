/** `services.NAME`: one vendor's API behind the gateway. */
import type { Unit } from "l8nt/invoice";
import { z } from "zod";
import { PRESETS } from "../presets/index.ts";
import { cors } from "./cors.ts";
import { flatPrice, route, unitOf } from "./route.ts";
import { notText, origin } from "./texts.ts";
import { webSocket } from "./web-socket.ts";

const NO_REFERENCE =
  "must say where the key is, and not be the key itself: env:NAME, file:/path, or cmd:program arguments";
const MIB = 1024 * 1024;
const NO_SIZE = 'must be a size from 1 to 32 MiB, such as "32 MiB"';
const PREFIX = /^(?:\/[A-Za-z0-9._~-]+)*$/;

export const service = z.strictObject({
  preset: z
    .enum([...PRESETS.keys()] as [string, ...string[]])
    .meta({ description: "Whose API it is: its routes, meters and errors." }),
  prefix: z
    .string()
    .regex(PREFIX, "must be a path such as /openai, without a slash at its end, or empty")
    .optional()
    .meta({
      description:
        "Begins the paths of this service at the gateway. By default /NAME, or nothing if it is the only service.",
    }),
  upstream: origin("The origin of the API, if it is not the vendor's usual one.").optional(),
  keys: z
    .array(z.string({ error: notText(NO_REFERENCE) }).regex(/^(?:env|file|cmd):/, NO_REFERENCE), {
      error: notText(
        'must be a list of where keys are, such as ["env:OPENAI_API_KEY"]: env:NAME, file:/path, or cmd:program arguments',
      ),
    })
    .optional()
    .meta({
      description:
        "Where the vendor's key is: env:NAME, file:/path or cmd:program. The first is used. Others are used once they stand first: put a new key before the old one and send SIGHUP. By default the variable that the vendor's own SDK reads; an empty list if the API takes none.",
    }),
  price: flatPrice.optional().meta({
    description:
      "Of each request that no meter has a price for: all of the preset generic, and uploads, for example. Without one they are denied.",
  }),
  routes: z
    .array(route)
    .min(1, "needs at least one route: everything is denied without")
    .optional()
    .meta({
      description:
        "What is served, and how; the first match counts, and what is not listed is denied. By default the routes of the preset, each for credentials.",
    }),
  webSockets: z
    .array(webSocket)
    .optional()
    .meta({ description: "Paths that are open to WebSockets. By default none." }),
  maxBody: z
    .string(NO_SIZE)
    .regex(/^[0-9]{1,2} MiB$/, NO_SIZE)
    .transform((text) => Number.parseInt(text, 10) * MIB)
    .refine((bytes) => bytes >= MIB && bytes <= 32 * MIB, NO_SIZE)
    .optional()
    .meta({
      description:
        "The largest body of a metered request, from 1 MiB to 32 MiB. A larger one is 413. By default 10 MiB.",
    }),
  midStream: z.enum(["finish", "cut"]).optional().meta({
    description:
      "What becomes of a stream that turns out to cost more than was reserved, because the vendor did not keep to the limit of the request: it finishes, and the vendor's figure is in an alarm; or it is cut with the vendor's own kind of error event. What was reserved is charged. By default it finishes.",
  }),
  cors: cors.optional(),
  allow: z
    .strictObject({
      tools: z
        .record(z.string().min(1), z.int().min(1))
        .default({})
        .meta({ description: "Hosted tools, and the most calls of each in one request." }),
      fields: z
        .array(z.string().min(1))
        .default([])
        .meta({ description: "Fields of a body that the preset does not know, and cost nothing." }),
    })
    .prefault({})
    .meta({ description: "What is allowed beyond what the preset does." }),
});

export type ServiceConfig = z.output<typeof service>;

/** Routes that have no flat price of their own; undefined: those of the preset. */
const unpriced = ({ routes }: Pick<ServiceConfig, "routes">) =>
  routes?.filter((rule) => rule.price === undefined || rule.price === "meter");

/** Whether some request to a service is charged by what its meter reads. */
export const isMetered = (service: Pick<ServiceConfig, "preset" | "routes">): boolean =>
  unpriced(service)?.length !== 0 &&
  PRESETS.get(service.preset)!.routes.some(({ meter }) => typeof meter === "object");

/** The units that requests to a service are charged in. */
export function unitsOf(service: ServiceConfig): ReadonlySet<Unit> {
  const { preset, price, routes, webSockets } = service;
  const known = PRESETS.get(preset)!.routes;
  const units = new Set<Unit>();
  const metered = unpriced(service);
  if (isMetered(service)) {
    // What is sold has prices in sat.
    if (metered?.every(({ access }) => access === "paid") !== true) units.add("usd_micro");
    if (metered?.some(({ access }) => access === "paid")) units.add("msat");
  }
  const isFlat = metered?.length !== 0 && known.some(({ meter }) => meter === "flat");
  for (const one of [...(routes ?? []).map((rule) => rule.price), ...(isFlat ? [price] : [])]) {
    const unit = unitOf(one);
    if (unit !== undefined) units.add(unit);
  }
  for (const { perMinute } of webSockets ?? []) units.add(perMinute.unit);
  return units;
}
