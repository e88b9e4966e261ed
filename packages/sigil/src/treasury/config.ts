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
  /** The services that credentials are minted for, in place of paying. */
  readonly mints?: MintsConfig;
  /** The limits, which stand beside the other keys in the file. */
  readonly limits: TreasuryLimits;
}

/** The services that a treasury mints for. */
export interface MintsConfig {
  /** The file with the private keys, as `sigil keys new` writes it. It is read at the start. */
  readonly keysFile: string;
  /**
   * The locations of the services. One is minted for if its challenges say, too, that it trusts the
   * issuer of the keys.
   */
  readonly services: readonly string[];
  /** Whether such a service is paid if it refuses what was minted. @default false */
  readonly payIfRefused?: boolean;
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

const OTHER_KEYS = { location: true, walletFile: true, mints: true } as const;
const MINTS_KEYS = { keysFile: true, services: true, payIfRefused: true } satisfies Readonly<
  Record<keyof MintsConfig, true>
>;

/** Reads `config.json`. @throws UsageError that names the key */
export function readConfig(path: string): Config {
  const json = parsed(path);
  const { location, walletFile, mints, ...given } = json;
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
    ...(mints !== undefined && { mints: readMintsConfig(mints) }),
  };
}

/** @throws UsageError that names the key; the treasury judges the values of the others */
function readMintsConfig(mints: unknown): MintsConfig {
  if (typeof mints !== "object" || mints === null || Array.isArray(mints))
    throw new UsageError("config.json: mints must be an object with keysFile and services");
  const unknown = Object.keys(mints).find((key) => !Object.hasOwn(MINTS_KEYS, key));
  if (unknown !== undefined)
    throw new UsageError(
      `config.json: mints has an unknown key ${JSON.stringify(unknown)}; it has ${Object.keys(MINTS_KEYS).join(", ")}`,
    );
  const { keysFile } = mints as Partial<MintsConfig>;
  if (typeof keysFile !== "string")
    throw new UsageError(
      "config.json: keysFile of mints must be the path of a file that `sigil keys new` wrote",
    );
  return mints as MintsConfig;
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
