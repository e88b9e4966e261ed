/** `services.NAME.webSockets[]`: paths open to WebSockets, at a price by the minute. */
import type { Amount } from "l8nt/invoice";
import { z } from "zod";
import type { SocketRule } from "../socket/rule.ts";
import { amountOf, PATH } from "./route.ts";
import { capability, duration } from "./texts.ts";

const amount = (what: string) =>
  z
    .string()
    .transform((text, context): Amount => {
      const read = amountOf(text);
      if (read !== undefined) return read;
      context.addIssue({
        code: "custom",
        message: 'must be an amount in US dollars or sat, such as "0.06 usd" or "10 sat"',
      });
      return z.NEVER;
    })
    .meta({ description: what });

const MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Of one timer of Node. */
const MAX_MS = 2 ** 31 - 1;

const milliseconds = (what: string) =>
  duration
    .transform((text) => Number(text.slice(0, -1)) * MS[text.at(-1) as keyof typeof MS])
    .refine((ms) => ms <= MAX_MS, "must be at most 24d")
    .meta({ description: what });

export const webSocket = z
  .strictObject({
    path: z
      .string()
      .regex(PATH, "must be a path below the prefix, such as /v1/realtime")
      .meta({ description: "As in routes, without a method." }),
    perMinute: amount("Charged for each minute that has begun, and reserved before it begins."),
    perConnection: amount("Charged for each connection, beside its minutes.").optional(),
    capability: capability
      .default("realtime")
      .meta({ description: "What a credential must be allowed to do." }),
    model: z.literal("query").optional().meta({
      description:
        "query: the parameter model of the query names the model, and no message can name another one. By default the model is not known, and a key that names models opens no WebSocket.",
    }),
    idle: milliseconds("How long neither side may say anything.").prefault("10m"),
    longest: milliseconds("How long a connection may be open.").prefault("1h"),
  })
  .superRefine(({ perMinute, perConnection }, context) => {
    if (perConnection !== undefined && perConnection.unit !== perMinute.unit)
      context.addIssue({
        code: "custom",
        path: ["perConnection"],
        message: "must be in the unit of perMinute",
      });
  })
  .transform(
    ({ idle: idleMs, longest: totalMs, perConnection, ...rest }): SocketRule => ({
      ...rest,
      perConnection,
      idleMs,
      totalMs,
    }),
  );
