/** Structured logs on stderr, without anything that could be a credential, preimage or key. */
import { type DestinationStream, type Logger, type LoggerOptions, pino } from "pino";
import { UsageError } from "../exit.ts";
import { TOKEN_TEXT, withoutWalletUrls } from "../secrecy.ts";

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
 * A token in base64, a macaroon in hex, or 32 bytes in hex. A text that is named as a payment hash
 * stays, so that the owner can look it up.
 */
const SECRETS = new RegExp(
  `${TOKEN_TEXT}|020[12][0-9A-Fa-f]{140,}|(?<!payment |paymentHash":")(?:(?<=%3[Aa])|(?<![0-9A-Fa-f]))[0-9A-Fa-f]{64}(?![0-9A-Fa-f])`,
  "g",
);

/** Values of `--log-level`. Checked here, because pino's error repeats the value. */
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** A text, or a line, with everything hidden that could be a credential, preimage or key. */
export const hidden = (text: string): string =>
  withoutWalletUrls(text).replace(SECRETS, "(not shown)");

/** @throws UsageError for an unknown level */
export function logger(level: string, stream: DestinationStream): Logger {
  return opened(
    level,
    { write: (line) => stream.write(hidden(line)) },
    { redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: "(not shown)" } },
  );
}

/**
 * Writes lines as they are: for members that hold no secret, or were `hidden` before. Looking
 * through whole lines costs more than all else of a request's line.
 *
 * @throws UsageError for an unknown level
 */
export const plainLogger = (level: string, stream: DestinationStream): Logger =>
  opened(level, stream);

function opened(level: string, stream: DestinationStream, options: LoggerOptions = {}): Logger {
  if (!LEVELS.includes(level))
    throw new UsageError(`--log-level must be one of ${LEVELS.join(", ")}.`);
  return pino(
    {
      ...options,
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}
