/**
 * `config.json`: what a treasury is told about itself. No secrets. A key that is not known is a
 * mistake. [case 97]
 */
import { readFileSync } from "node:fs";
import { type AmountText, amountMsat } from "l8nt/invoice";
import { UsageError } from "../exit.ts";

export interface Config {
  /** Where agents reach it: it stands in their credentials. */
  readonly location: string;
  /** The most that a service is paid the first time, in msat. */
  readonly maxFirstPaymentMsat: bigint;
  /** The most that routing one payment may cost, in msat, where that is more than 1 % of it. */
  readonly maxFeeMsat: bigint;
  /** Payments in flight of one agent and all below it. */
  readonly maxInFlightPerAgent: number;
  /** Whether a service keeps the payee of its first payment. */
  readonly pinsPayees: boolean;
  /** A file with the wallet's URL, where SIGIL_WALLET does not hold it. */
  readonly walletFile?: string;
}

export const DEFAULT_LOCATION = "http://127.0.0.1:8409";

export const configText = (location: string): string =>
  `${JSON.stringify({ location, maxFirstPayment: "1000 sat", maxInFlightPerAgent: 64, pinsPayees: true }, null, 2)}\n`;

const KEYS = [
  "location",
  "maxFirstPayment",
  "maxFee",
  "maxInFlightPerAgent",
  "pinsPayees",
  "walletFile",
];

/** @throws UsageError */
export function readConfig(path: string): Config {
  const json = parsed(path);
  const unknown = Object.keys(json).find((key) => !KEYS.includes(key));
  if (unknown !== undefined)
    throw new UsageError(
      `config.json has a key that there is not; it may have ${KEYS.join(", ")}.`,
    );
  const {
    location,
    maxFirstPayment = "1000 sat",
    maxFee = "3 sat",
    maxInFlightPerAgent = 64,
    pinsPayees = true,
    walletFile,
  } = json;
  if (typeof location !== "string") throw new UsageError("config.json needs a location, a URL.");
  if (
    typeof maxInFlightPerAgent !== "number" ||
    !Number.isSafeInteger(maxInFlightPerAgent) ||
    maxInFlightPerAgent < 1
  )
    throw new UsageError("config.json: maxInFlightPerAgent is a whole number, 1 or more.");
  if (typeof pinsPayees !== "boolean")
    throw new UsageError("config.json: pinsPayees is true or false.");
  if (walletFile !== undefined && typeof walletFile !== "string")
    throw new UsageError("config.json: walletFile is the path of a file.");
  return {
    location: checkedLocation(location),
    maxFirstPaymentMsat: readAmount(maxFirstPayment, "maxFirstPayment", "1000 sat"),
    maxFeeMsat: readAmount(maxFee, "maxFee", "3 sat"),
    maxInFlightPerAgent,
    pinsPayees,
    ...(walletFile !== undefined && { walletFile }),
  };
}

/** @throws UsageError */
export function checkedLocation(location: string): string {
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== "/" ||
    url.search !== ""
  )
    throw new UsageError(
      "A treasury's location is a URL without a path, such as http://127.0.0.1:8409.",
    );
  const isHere = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol === "http:" && !isHere)
    throw new UsageError(
      "A location beyond this machine must be https: put a proxy that ends TLS in front, and give its URL.",
    );
  return url.origin;
}

function parsed(path: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    throw new UsageError("config.json cannot be read, or is no JSON.");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new UsageError("config.json must be a JSON object.");
  return json as Record<string, unknown>;
}

function readAmount(value: unknown, key: string, example: string): bigint {
  try {
    return amountMsat(value as AmountText, key);
  } catch {
    throw new UsageError(`config.json: ${key} is an amount, such as "${example}".`);
  }
}
