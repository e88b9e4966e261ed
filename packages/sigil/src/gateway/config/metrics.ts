/** `metrics`: for Prometheus. */
import { z } from "zod";

export const metrics = z.strictObject({
  port: z.int().min(1).max(65_535).meta({
    description:
      "A port of 127.0.0.1 that serves /metrics. Agents do not reach it at the gateway's own port.",
  }),
});
