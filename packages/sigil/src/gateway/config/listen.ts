/** `listen`: where the gateway takes requests. */
import { z } from "zod";
import { origin, path } from "./texts.ts";

const PORT = "must be a number from 1 to 65535";

export const listen = z
  .strictObject({
    host: z.string().min(1).default("127.0.0.1").meta({ description: "Address to listen at." }),
    port: z.int(PORT).min(1, PORT).max(65_535, PORT).default(8410),
    location: origin(
      "Where agents reach the gateway, if a proxy stands before it. By default where it listens.",
    ).optional(),
    tlsCert: path("A certificate in PEM, to serve TLS and HTTP/2.").optional(),
    tlsKey: path("Its private key in PEM.").optional(),
  })
  .superRefine(({ tlsCert, tlsKey }, context) => {
    if ((tlsCert === undefined) === (tlsKey === undefined)) return;
    const missing = tlsCert === undefined ? "tlsCert" : "tlsKey";
    context.addIssue({
      code: "custom",
      path: [missing],
      message: "is missing: a certificate and its key go together",
    });
  });

export type Listen = z.output<typeof listen>;

/** Where agents reach the gateway. */
export function locationOf({ location, host, port, tlsCert }: Listen): string {
  const scheme = tlsCert === undefined ? "http" : "https";
  return location ?? `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
