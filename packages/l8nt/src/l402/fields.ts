/** The header fields that carry a credential. spec/3-challenge.md §4. */

/** Every header field that can carry a credential, in lower case. */
export const CREDENTIAL_FIELDS = ["authorization", "grpc-metadata-macaroon", "macaroon"] as const;
