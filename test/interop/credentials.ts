/**
 * Credentials of ours as these tests look at them: in hex, under a root key that aperture can be
 * told.
 */
import { hkdfSync } from "node:crypto";
import { Authority, Credential, macaroonOf } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import { secretOf } from "../../packages/l8nt/src/testing/fixtures/town.ts";

const SECRET = secretOf("the weather");
export const LOCATION = "https://weather.example";

export const authority = () =>
  new Authority({ secret: SECRET, location: LOCATION, service: "weather" });

/** Of ours, as the L402 of a service: `services` is what aperture enforces. */
export const weather = () =>
  authority().minter.mint({
    services: ["weather"],
    endpoints: [`GET ${LOCATION}/**`],
    expiresIn: "1h",
    maxUses: 5,
  });

export const packetOf = (credential: Credential): string =>
  Buffer.from(Macaroon.encode(macaroonOf(credential))).toString("hex");
export const preimageOf = (credential: Credential): string => credential.toString().slice(-64);
/** The root key of everything minted here. spec/1-credential.md §4. */
export const ROOT_KEY = Buffer.from(
  hkdfSync("sha256", Buffer.from(SECRET, "hex"), Buffer.alloc(0), "sigil root key", 32),
).toString("hex");
export const caveatsOf = (credential: Credential): string[] =>
  macaroonOf(credential).caveats.map((each) => Buffer.from(each).toString());
export const credentialOf = (macaroon: string, preimage: string): Credential =>
  Credential.parse(`${Buffer.from(macaroon, "hex").toString("base64")}:${preimage}`);

export const refusalsOf = (credential: Credential, now = Date.now() / 1000) =>
  authority().verifier.authenticate(credential).judge({ now, target: "self", service: "weather" });
