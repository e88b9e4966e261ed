/** `listen`: where the gateway takes requests. */
import { z } from "zod";
import { FORWARDED_FIELDS, networkIn } from "../core/client-address.ts";
import { origin, path } from "./texts.ts";

/** Addresses and networks whose word on their clients' addresses is taken. */
export const trustedProxies = z
  .array(
    z
      .string()
      .refine(
        (text) => networkIn(text) !== undefined,
        'must be an address or a network, such as "10.0.0.1" or "2001:db8::/32"',
      ),
  )
  .meta({
    description:
      "Addresses and networks of proxies that say which address a client has, for free requests and shares of connections. By default none: each client has the address of its connection.",
  });

const PORT = "must be a number from 1 to 65535";

export const listen = z
  .strictObject({
    host: z.string().min(1).default("127.0.0.1").meta({ description: "Address to listen at." }),
    port: z.int(PORT).min(1, PORT).max(65_535, PORT).default(8410),
    location: origin(
      "Where agents reach the gateway, if a proxy stands before it. By default where it listens.",
    ).optional(),
    trustedProxies: trustedProxies.optional(),
    forwardedField: z.enum(FORWARDED_FIELDS).optional().meta({
      description:
        "The field in which the trusted proxies write it: by default x-forwarded-for. What stands in the other is the client's, and is not read.",
    }),
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
