/** `preimage`: the proof of payment, as Lightning Labs' clients append it. */
import { hexBytes, hexText } from "../../internal/bytes.ts";
import { sha256 } from "../../internal/crypto.ts";
import { type ConditionTexts, condition } from "../condition.ts";

export const preimage = condition<string>({
  name: "preimage",
  judgedBy: "both",
  handOver: "relay",
  isSecret: true,
  fields: [],
  code: "ERR_PREIMAGE_CAVEAT",
  /** Returns the hash alone, so that no message can show the preimage. */
  parse(text) {
    const bytes = text.length === 64 ? hexBytes(text) : undefined;
    return bytes === undefined ? undefined : hexText(sha256(bytes));
  },
  prohibits: (hash, _access, { paymentHash }) =>
    hash === paymentHash
      ? undefined
      : {
          have: "a preimage of another payment",
          need: "the preimage of this one",
        },
});

export const preimageTexts: ConditionTexts<string> = {
  spec: {
    value: "64 hex digits, either case",
    denies: "its SHA-256 is not the payment hash of the identifier",
  },
  words: () => ["names the payment that it belongs to"],
};
