/**
 * Structured logs on stderr. What could be a credential, a preimage or a key is taken out of every
 * text before it is written.
 */
import { type DestinationStream, type Logger, pino } from "pino";
import { UsageError } from "../exit.ts";
import { withoutWalletUrls } from "../secrecy.ts";

export type { Logger };

/** A second guard, for an object with such a member that is logged by mistake. */
const REDACTED = [
  "authorization",
  "credential",
  "preimage",
  "macaroon",
  "secret",
  "wallet",
  "headers",
];

/**
 * A macaroon in base64 or in hex; 32 bytes in hex, unless it is said to be a payment's hash, by
 * which its owner looks it up.
 */
const SECRETS =
  /Ag[E-HJ][A-Za-z0-9+/_-]{20,}={0,2}|020[12][0-9A-Fa-f]{140,}|(?<!payment |paymentHash":")(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])/g;

/** What `--log-level` may say; pino's own refusal would repeat it. */
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** @throws UsageError for an unknown level */
export function logger(level: string, stream: DestinationStream): Logger {
  if (!LEVELS.includes(level)) throw new UsageError(`--log-level is one of ${LEVELS.join(", ")}.`);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: "(not shown)" },
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => stream.write(withoutWalletUrls(line).replace(SECRETS, "(not shown)")) },
  );
}
