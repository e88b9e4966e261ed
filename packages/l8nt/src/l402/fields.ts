/** The header fields that carry a credential. spec/3-challenge.md §4. */
import { mentionsCredential } from "./authorization.ts";

/** Every header field that can carry a credential, in lower case. */
export const CREDENTIAL_FIELDS = ["authorization", "grpc-metadata-macaroon", "macaroon"] as const;

/** Whether a request presents a credential of ours, readable or not. */
export const presentsCredential = (headers: Headers): boolean => {
  const [authorization, ...others] = CREDENTIAL_FIELDS;
  return (
    others.some((name) => headers.has(name)) || mentionsCredential(headers.get(authorization) ?? "")
  );
};
