/** The fields that answers of a paywall follow from, as `Vary` names them. spec/3-challenge.md §4. */

export const VARY_NAMES: readonly string[] = [
  "Authorization",
  "Macaroon",
  "Grpc-Metadata-Macaroon",
];
