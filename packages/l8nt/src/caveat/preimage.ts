/**
 * `preimage`: what Lightning Labs' clients append. Known, and checked like the preimage beside the
 * macaroon.
 */
import { hexBytes, hexText } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import type { Condition } from "./condition.ts";

export const preimage: Condition<string> = {
  name: "preimage",
  /** 64 hex digits; kept as the hash alone, so that no message can show the preimage. */
  parse(text) {
    const bytes = text.length === 64 ? hexBytes(text) : undefined;
    return bytes === undefined ? undefined : hexText(sha256(bytes));
  },
  prohibits: (hash, _access, { paymentHash }) =>
    hash === paymentHash
      ? undefined
      : {
          code: "ERR_PREIMAGE_CAVEAT",
          have: "a preimage of another payment",
          need: "the preimage of this one",
        },
};
