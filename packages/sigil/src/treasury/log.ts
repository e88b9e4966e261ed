/** Structured logs on stderr, without anything that could be a credential, preimage or key. */
import { type DestinationStream, type Logger, pino } from "pino";
import { UsageError } from "../exit.ts";
import { withoutWalletUrls } from "../secrecy.ts";

export type { Logger };

/** Members that are hidden if an object that has them is logged by mistake. */
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
 * A macaroon in base64 or hex, or 32 bytes in hex. A text that is named as a payment hash stays, so
 * that the owner can look it up.
 */
const SECRETS =
  /Ag[E-HJ][A-Za-z0-9+/_-]{20,}={0,2}|020[12][0-9A-Fa-f]{140,}|(?<!payment |paymentHash":")(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])/g;

/** Values of `--log-level`. Checked here, because pino's error repeats the value. */
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** @throws UsageError for an unknown level */
export function logger(level: string, stream: DestinationStream): Logger {
  if (!LEVELS.includes(level))
    throw new UsageError(`--log-level must be one of ${LEVELS.join(", ")}.`);
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
