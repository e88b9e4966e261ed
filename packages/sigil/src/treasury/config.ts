/**
 * `config.json`: the options of a treasury that are not secret, with the names of the library's
 * options. An unknown key is refused. [case 97]
 */
import { readFileSync } from "node:fs";
import { checkLimits, type TreasuryLimits } from "l8nt/treasury";
import { UsageError } from "../exit.ts";

/** The contents of `config.json`. */
export interface Config {
  /** The URL at which agents reach the treasury. It is part of their credentials. */
  readonly location: string;
  /** A file with the wallet's URL, used if SIGIL_WALLET is not set. */
  readonly walletFile?: string;
  /** The limits, which stand beside the other keys in the file. */
  readonly limits: TreasuryLimits;
}

/** The location of a treasury whose `init` names none. */
export const DEFAULT_LOCATION = "http://127.0.0.1:8409";

/** Limits that the file can change. The first payment to an unknown service is small. */
export const DEFAULT_LIMITS = { maxFirstPayment: "1000 sat" } satisfies TreasuryLimits;

/** The text of a new `config.json`, with the limits that an owner is most likely to change. */
export const configText = (location: string): string =>
  `${JSON.stringify(
    {
      location,
      ...DEFAULT_LIMITS,
      maxFee: "1 % or 3 sat",
      maxInFlight: { perNode: 64 },
      pinsPayees: true,
    },
    null,
    2,
  )}\n`;

const OTHER_KEYS = { location: true, walletFile: true } as const;

/** Reads `config.json`. @throws UsageError that names the key */
export function readConfig(path: string): Config {
  const json = parsed(path);
  const { location, walletFile, ...given } = json;
  try {
    checkLimits(json, "config.json", OTHER_KEYS);
  } catch (error) {
    throw new UsageError((error as TypeError).message);
  }
  if (typeof location !== "string")
    throw new UsageError(`config.json: location must be a URL, such as "${DEFAULT_LOCATION}"`);
  if (walletFile !== undefined && typeof walletFile !== "string")
    throw new UsageError("config.json: walletFile must be the path of a file");
  return {
    location: checkedLocation(location),
    limits: { ...DEFAULT_LIMITS, ...given },
    ...(walletFile !== undefined && { walletFile }),
  };
}

/** The origin of a location. @throws UsageError if agents could not reach it safely */
export function checkedLocation(location: string): string {
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== "/" ||
    url.search !== ""
  )
    throw new UsageError(
      "The location must be an http or https URL without a path, such as http://127.0.0.1:8409.",
    );
  const isHere = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url.protocol === "http:" && !isHere)
    throw new UsageError(
      "A location on another machine must be https. Put a proxy with TLS in front, and give its URL.",
    );
  return url.origin;
}

function parsed(path: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    throw new UsageError("config.json cannot be read, or is not JSON.");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new UsageError("config.json must be a JSON object.");
  return json as Record<string, unknown>;
}
