/** `services.NAME`: one vendor's API behind the gateway. */
import type { Unit } from "l8nt/invoice";
import { z } from "zod";
import { PRESETS } from "../presets/index.ts";
import { origin } from "./texts.ts";

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
    .array(
      z
        .string()
        .regex(
          /^(?:env|file|cmd):/,
          "must say where the key is, and not be the key itself: env:NAME, file:/path, or cmd:program arguments",
        ),
    )
    .optional()
    .meta({
      description:
        "Where the vendor's key is: env:NAME, file:/path or cmd:program. The first is used. By default the variable that the vendor's own SDK reads; an empty list if the API takes none.",
    }),
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

/** The units that requests to a service are charged in. */
export const unitsOf = (_service: ServiceConfig): ReadonlySet<Unit> => new Set(["usd_micro"]);
