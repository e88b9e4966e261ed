/** The flags of `sigil gateway`. */
import type { Arguments, Flag } from "../../arguments.ts";
import { PRESETS } from "../presets/index.ts";

export const FLAGS = {
  config: { value: "FILE", help: "a configuration in YAML, instead of all flags below" },
  preset: {
    value: "NAME",
    help: `the vendor: ${[...PRESETS.keys()].join(", ")}`,
    repeatable: true,
  },
  budget: {
    value: '"5 usd/day"',
    help: "what the key that is printed may spend: in all, or an hour, a day or a month (default: 5 usd/day, if anything costs dollars)",
    repeatable: true,
  },
  model: {
    value: "NAME",
    help: "a model that the key may use, or the beginning of its name: gpt-5* (default: all)",
    repeatable: true,
  },
  capability: {
    value: "NAME",
    help: "what the key may do: chat, or customers:read (default: all; at Stripe, only read)",
    repeatable: true,
  },
  sell: {
    value: '"1 sat"',
    help: "sell each call for that, to anybody with a Lightning wallet",
  },
  wallet: {
    value: "REFERENCE",
    help: "where the URL of the wallet is that is paid: env:NAME, file:/path or cmd:program (default: env:SIGIL_WALLET)",
  },
  "expires-in": { value: "30d", help: "how long the key is valid (default: 30d)" },
  dir: { value: "DIR", help: "its folder, made if it is missing (default: sigil-gateway)" },
  store: {
    value: "REFERENCE",
    help: "a Postgres that several gateways share: env:DATABASE_URL, file:/path or cmd:program (default: a file in --dir)",
  },
  secret: {
    value: "REFERENCE",
    help: "the secret of gateways that share a store: env:NAME, file:/path or cmd:program (default: a file in --dir)",
  },
  trust: {
    value: "URL",
    help: "an issuer whose credentials of the public-key form are taken: https://treasury.example",
    repeatable: true,
  },
  port: { value: "N", help: "the port (default: 8410)" },
  host: { value: "ADDRESS", help: "the address that it listens at (default: 127.0.0.1)" },
  location: {
    value: "URL",
    help: "where agents reach it, if a proxy stands before it (default: where it listens)",
  },
  upstream: { value: "URL", help: "the vendor's origin, if it is not the usual one" },
  key: {
    value: "REFERENCE",
    help: "the vendor's key: env:NAME, file:/path or cmd:program (default: env: and its usual name)",
  },
  price: {
    value: '"0.01 usd"',
    help: "of each request that no meter has a price for, in usd or sat, or free: all of generic",
  },
  prices: { value: "FILE", help: "your own prices, which go before those of the program" },
  from: {
    value: "PATH",
    help: "prices: the folder of an installed @pydantic/genai-prices, or its data as JSON",
  },
  until: {
    value: "DATE",
    help: "topup: when it ends, such as 2026-12-01, 2026-12-01T18:00Z or 12h",
  },
  reason: { value: "TEXT", help: "freeze, thaw, topup: the reason, for the journal" },
  date: { value: "DATE", help: "prices: when those were published, such as 2026-11-29" },
  margin: { value: "1.1", help: "a factor on every price (default: 1)" },
  "tls-cert": { value: "FILE", help: "a certificate in PEM, to serve TLS and HTTP/2" },
  "tls-key": { value: "FILE", help: "its private key in PEM" },
  shadow: {
    help: "deny nothing for its budget, model or price, and write it down as would_deny",
  },
  "metrics-port": {
    value: "N",
    help: "a port of 127.0.0.1 that serves /metrics, for Prometheus (default: none)",
  },
  "log-level": {
    value: "LEVEL",
    help: "trace, debug, info, warn, error, fatal or silent (default: info)",
  },
} as const satisfies Record<string, Flag>;

export type Given = Arguments<keyof typeof FLAGS>;
