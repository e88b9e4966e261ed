/** `l8nt/macaroon`: macaroons as libmacaroons and go-macaroon read them, V2 binary. */
export { Macaroon, type MintOptions, type UnverifiedMacaroon } from "./macaroon.ts";
