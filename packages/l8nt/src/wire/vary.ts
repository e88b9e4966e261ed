/** The fields that answers of a paywall follow from. spec/3-challenge.md §5. */

export const VARY_NAMES: readonly string[] = [
  "Authorization",
  "Macaroon",
  "Grpc-Metadata-Macaroon",
];
