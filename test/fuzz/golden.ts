/**
 * Golden inputs that our own code had no part in: macaroons by npm `macaroon`, keys and hashes by
 * `node:crypto`. What Sigil says about them is compared with what is written here.
 */
import { createHash, createHmac, hkdfSync } from "node:crypto";
import foreign, { type ForeignMacaroon } from "macaroon";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** 2026-01-01T00:00:00Z, Unix seconds. The clock of every test. */
export const NOW = 1_767_225_600;
export const LOCATION = "https://api.example";
/** Hex. */
export const SECRET = digest("the secret of the tests").toString("hex");
/** Hex. */
export const OTHER_SECRET = digest("another secret of the tests").toString("hex");
/** Hex. */
export const PREIMAGE = digest("a preimage").toString("hex");

export interface Terms {
  /** Hex. */
  readonly secret?: string;
  /** Hex. */
  readonly preimage?: string;
  /** Hex; by default the hash of the preimage. */
  readonly paymentHash?: string;
  /** What the 28 random bytes of the token id come from. */
  readonly salt?: string;
  readonly location?: string;
  readonly caveats?: readonly (string | Uint8Array)[];
}

const hkdf = (secret: string, info: Uint8Array | string): Buffer =>
  Buffer.from(hkdfSync("sha256", Buffer.from(secret, "hex"), Buffer.alloc(0), info, 32));

/**
 * `u16be 0 ‖ payment hash ‖ token id`, the token id beginning with the root's name.
 * spec/1-credential.md §2.
 */
export function identifierOf({
  secret = SECRET,
  preimage = PREIMAGE,
  paymentHash,
  salt = "salt",
}: Terms = {}): Buffer {
  const hash =
    paymentHash ?? createHash("sha256").update(Buffer.from(preimage, "hex")).digest("hex");
  return Buffer.concat([
    Buffer.alloc(2),
    Buffer.from(hash, "hex"),
    hkdf(secret, "sigil root id").subarray(0, 4),
    digest(salt).subarray(0, 28),
  ]);
}

export const rootKeyOf = ({ secret = SECRET }: Terms = {}): Buffer =>
  hkdf(secret, "sigil root key");

export function foreignMacaroon(terms: Terms = {}): ForeignMacaroon {
  const made = foreign.newMacaroon({
    version: 2,
    identifier: new Uint8Array(identifierOf(terms)),
    location: terms.location ?? LOCATION,
    rootKey: new Uint8Array(rootKeyOf(terms)),
  });
  for (const caveat of terms.caveats ?? []) made.addFirstPartyCaveat(caveat);
  return made;
}

/** One field of a V2 packet: type, varint length, data. */
export const field = (type: number, data: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(
      data.length < 0x80
        ? [type, data.length]
        : [type, (data.length & 0x7f) | 0x80, data.length >> 7],
    ),
    data,
  ]);

/**
 * V2 binary. Written out here, because js-macaroon's own `exportBinary` doubles its buffer at every
 * append and cannot write long macaroons; on short ones macaroon.property.test.ts compares with it.
 */
export function packetOf(terms: Terms = {}): Buffer {
  const { location, identifier, caveats, signature } = foreignMacaroon(terms);
  return Buffer.concat([
    Buffer.of(2),
    location === "" ? Buffer.alloc(0) : field(1, Buffer.from(location)),
    field(2, identifier),
    Buffer.of(0),
    ...caveats.flatMap((caveat) => [field(2, caveat.identifier), Buffer.of(0)]),
    Buffer.of(0),
    field(6, signature),
  ]);
}

/** One with a third-party caveat, written out for the same reason. */
export function thirdPartyPacket(terms: Terms = {}): Buffer {
  const whole = packetOf({ ...terms, caveats: [] });
  const third = [
    field(1, Buffer.from("https://elsewhere.example")),
    field(2, Buffer.from("id")),
    field(4, Buffer.alloc(72)),
  ];
  // The end of the list of caveats, and the signature, stand last.
  const tail = 1 + 2 + 32;
  return Buffer.concat([whole.subarray(0, -tail), ...third, Buffer.of(0), whole.subarray(-tail)]);
}

/** The text of a credential whose preimage proves its payment. */
export const credentialText = (terms: Terms = {}): string =>
  `${packetOf(terms).toString("base64")}:${terms.preimage ?? PREIMAGE}`;

/** The id of the place where these terms end. spec/1-credential.md §6. */
export const placeIdOf = (terms: Terms = {}): string =>
  createHmac("sha256", foreignMacaroon(terms).signature)
    .update("sigil place")
    .digest("hex")
    .slice(0, 32);

const NODE_KEY = `02${"ab".repeat(32)}`;

/** One of every condition, so that a damaged byte meets every reader. */
export const GOLDEN_TERMS: readonly Terms[] = [
  {},
  { location: "", caveats: ["valid_until=1767229200"] },
  { caveats: ["endpoints=GET https://api.example/**", "valid_until=1767229200"] },
  {
    salt: "delegated",
    caveats: [
      "endpoints=GET|POST https://api.example/orders/*;* https://*.shop.example:8443/**",
      "valid_from=1767222000",
      "valid_until=1767229200",
      "budget_msat=500000",
      "budget_msat_per_hour=100000",
      "max_price_msat=21000",
      "agent=flight-booker.0011223344556677",
      "purpose=Flüge für Tokio; bitte =günstig=",
      "max_uses=12",
      "max_uses_per_minute=3",
      "agent=scout.8899aabbccddeeff",
      "max_depth=0",
      `payees=${NODE_KEY}`,
    ],
  },
  {
    salt: "services",
    location: "https://loop.example:8443/v1",
    caveats: [
      "services=lightning_loop:0,pool:1",
      "lightning_loop_capabilities=loop_out,loop_in",
      "lightning_loop_valid_until=1767229200",
      `preimage=${PREIMAGE}`,
    ],
  },
  {
    salt: "long",
    caveats: Array.from({ length: 40 }, (_, at) => `purpose=${"long ".repeat(at % 12)}${at}`),
  },
];

/**
 * An access that every golden credential of a treasury's own service covers; see `GOLDEN_TERMS`.
 */
export const GOLDEN_TEXTS: readonly string[] = GOLDEN_TERMS.map(credentialText);
