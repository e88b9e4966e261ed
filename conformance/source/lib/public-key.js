/** What the groups about the public-key form share. spec/9-public-key.md. */
import { caveatBlock, head } from "./biscuit.js";
import { variable } from "./datalog.js";
import {
  AUTHORITY,
  asked,
  biscuit,
  deny,
  from,
  ISSUER,
  LIBRARY,
  NOW,
  signedToken,
  text,
  verifying,
} from "./world.js";

export const one = from("9-public-key", "1");
export const two = from("9-public-key", "2");
export const five = from("9-public-key", "5");
export const six = from("9-public-key", "6");
export const MALFORMED = deny("ERR_TOKEN_MALFORMED");
export const DATALOG = deny("ERR_TOKEN_DATALOG");
export const FORGED = deny("ERR_TOKEN_FORGED");
export const v = variable;

export const verify = (title, token, expect, spec, { mark, verifier, needs } = {}) =>
  asked({
    title,
    form: "biscuit",
    needs,
    mark,
    command: verifying(
      "biscuit",
      typeof token === "string" ? token : token instanceof Uint8Array ? text(token) : token.text,
      verifier,
    ),
    expect,
    spec,
  });
export const good = biscuit([["purpose=x"], [`valid_until=${NOW + 1}`]]);
export const lax = { mark: LIBRARY };
/** The first block, with the facts and checks of another one behind its own. */
export function whole({ facts = [], checks = [], ...more }, authority = head(AUTHORITY)) {
  return {
    facts: [...authority.facts, ...facts],
    checks: [...authority.checks, ...checks],
    ...more,
  };
}
export function blocksOf(more) {
  return signedToken([{ ...whole(caveatBlock(["purpose=x"])), ...more }]);
}
export const ORDERED = two(
  "The first block has these facts, in this order, before those of its caveats, and this check before theirs:",
);
export const sealed = biscuit([["purpose=x"], ["purpose=y"]], { sealed: true });
export const SEALED = one(
  "A **sealed** token has in its place the signature, by that key, over `block ‖ alg ‖ nextKey ‖ signature` of the last block: nobody may append (`ERR_TOKEN_SEALED`).",
);
export const entry = (keyId, publicKeyHex, issuer = ISSUER, more = {}) => ({
  issuer,
  keyId,
  publicKey: publicKeyHex,
  ...more,
});
