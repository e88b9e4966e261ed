/** `store`, `secret` and `maxSilence`: what several gateways on one database share. */
import { z } from "zod";
import { duration } from "./texts.ts";

const reference = (what: string) =>
  z
    .string()
    .regex(
      /^(?:env|file|cmd):/,
      "must say where it is, and not be it: env:NAME, file:/path, or cmd:program arguments",
    )
    .meta({ description: what });

export const store = reference(
  "Where the URL of a Postgres is that several gateways share. By default the books are a file in `dir`.",
);

export const secret = reference(
  "Where the secret is that mints and verifies keys, 64 hex digits. By default the file `secret` in `dir`, made if it is missing.",
);

export const maxSilence = duration
  .refine((text) => text !== "1s", "must be 2s or more")
  .meta({
    description:
      "How long keys are believed while the store cannot be asked which are revoked; after it every key is refused.",
  });
