/**
 * The part of npm `macaroon` (js-macaroon 3.0.4, by go-macaroon's authors) that the tests use; it
 * brings no types.
 */
declare module "macaroon" {
  export interface ForeignMacaroon {
    readonly location: string;
    readonly identifier: Uint8Array;
    readonly signature: Uint8Array;
    readonly caveats: readonly { readonly identifier: Uint8Array; readonly vid?: Uint8Array }[];
    addFirstPartyCaveat(caveat: string | Uint8Array): void;
    addThirdPartyCaveat(rootKey: Uint8Array, caveat: string | Uint8Array, location?: string): void;
    clone(): ForeignMacaroon;
    exportBinary(): Uint8Array;
    exportJSON(): unknown;
    /** Throws where the signature is wrong or `check` answers with a text. */
    verify(
      rootKey: Uint8Array,
      check: (caveat: string) => string | null,
      discharges?: readonly unknown[],
    ): void;
  }
  interface Exports {
    newMacaroon(options: {
      readonly version?: 1 | 2;
      readonly identifier: string | Uint8Array;
      readonly location?: string;
      readonly rootKey: string | Uint8Array;
    }): ForeignMacaroon;
    importMacaroon(packet: Uint8Array | string): ForeignMacaroon;
  }
  const macaroon: Exports;
  export default macaroon;
}
