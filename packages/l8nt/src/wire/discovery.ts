/**
 * What a service or a treasury says about itself at `/.well-known/l402`. spec/3-challenge.md §6,
 * spec/4-purchase.md §7.
 */
import { anything, count, list, nullable, object, oneOf, optional, text } from "./codec.ts";
import { message } from "./message.ts";
import { WELL_KNOWN_PATH } from "./paths.ts";

const discovery = {
  name: "discovery",
  method: "GET",
  path: WELL_KNOWN_PATH,
  audience: "none",
} as const;
const VERSION = "0";
const version = oneOf(VERSION);

export const treasuryDiscovery = message({
  ...discovery,
  summary: "What this treasury is, and the conditions that it enforces",
  answer: object({
    version,
    location: text,
    caveats: list(text),
    purchases: text,
    revocations: text,
    openapi: text,
  }),
});

export const serviceDiscovery = message({
  ...discovery,
  summary: "What is sold here, and the conditions that are enforced",
  answer: object({
    version,
    location: text,
    service: optional(text),
    caveats: list(text),
    issuers: optional(list(text)),
    revocations: text,
    routes: list(
      object({
        path: optional(text),
        price: nullable(text),
        grants: object({
          uses: optional(count()),
          usesPerMinute: optional(count()),
          usesPerHour: optional(count()),
          usesPerDay: optional(count()),
          budget: optional(text),
          validFor: optional(text),
          endpoints: optional(list(text)),
        }),
        capability: optional(text),
        free: optional(
          object({
            requests: count(),
            per: oneOf("hour", "day", "month"),
            by: oneOf("address", "credential"),
          }),
        ),
      }),
    ),
  }),
});

/** The document that describes a treasury's API. */
export const openApiDocument = message({
  name: "OpenAPI document",
  method: "GET",
  path: "/v1/openapi.json",
  summary: "This document",
  audience: "none",
  answer: anything,
});
