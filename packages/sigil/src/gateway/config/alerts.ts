/** `alerts`: when the owner is told how much of a budget is spent, and where. */
import { z } from "zod";

const THRESHOLD = "must be a whole number from 1 to 100";

const url = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    message: "must be an http or https URL",
  });

export const alerts = z.strictObject({
  thresholds: z
    .array(z.int(THRESHOLD).min(1, THRESHOLD).max(100, THRESHOLD))
    .max(10)
    .default([50, 80, 100])
    .meta({ description: "Parts of a limit, in percent, at which its owner is told once." }),
  webhook: z
    .strictObject({
      url: url.meta({ description: "Where alerts are posted, as Standard Webhooks." }),
      secret: z
        .string()
        .regex(
          /^(env|file|cmd):/,
          "must say where the secret is: env:NAME, file:/path or cmd:program",
        )
        .meta({ description: "Where its signing secret is: whsec_ and base64." }),
      allowPrivate: z
        .boolean()
        .default(false)
        .meta({ description: "Whether the URL may lead to an address that is not public." }),
    })
    .optional(),
});

export type AlertsConfig = z.output<typeof alerts>;
