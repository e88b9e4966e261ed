/**
 * Stripe: it charges nothing for a request, so a key needs no budget. What a key may do is its
 * capabilities, one for each resource and kind of access, as Stripe's restricted keys have them.
 * Some resources are powers of their own: `ephemeral_keys:write` makes keys that do not go through
 * the gateway.
 */
import { openaiDialect } from "./dialects/openai.ts";
import type { Preset, PresetRoute } from "./preset.ts";

const ACCESS = [
  ["GET", "read"],
  ["POST", "write"],
  ["DELETE", "delete"],
] as const;

const routesOf = (version: string): readonly PresetRoute[] =>
  ACCESS.flatMap(([method, access]) =>
    [`/${version}/{resource}`, `/${version}/{resource}/**`].map((path) => ({
      method,
      path,
      capability: `{resource}:${access}`,
      meter: "free" as const,
    })),
  );

export const stripe: Preset = {
  name: "stripe",
  origin: "https://api.stripe.com",
  keyPlace: { kind: "bearer" },
  // `curl -u KEY:` has the key as the name of the user.
  credentialPlaces: ["bearer", "basic-user"],
  // Stripe's errors have the shape that OpenAI took over.
  dialect: openaiDialect,
  movesMoney: true,
  routes: [...routesOf("v1"), ...routesOf("v2")],
};
