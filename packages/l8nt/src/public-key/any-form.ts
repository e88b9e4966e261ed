/** A verifier of every form of credential: each by the verifier of its form. */

import { isPublicKeyForm } from "../credential/forms.ts";
import type { Credential, Verified, Verifier } from "../credential/index.ts";
import { readText } from "../credential/text.ts";

export class AnyFormVerifier implements Verifier {
  readonly #macaroons: Verifier;
  readonly #publicKey: Verifier;

  constructor(macaroons: Verifier, publicKey: Verifier) {
    this.#macaroons = macaroons;
    this.#publicKey = publicKey;
  }

  authenticate(credential: Credential | string): Verified {
    const text = typeof credential === "string" ? credential : credential.toString();
    return this.known(text) ?? this.#of(text).authenticate(text);
  }

  known(text: string): Verified | undefined {
    return this.#macaroons.known(text) ?? this.#publicKey.known(text);
  }

  proved(verified: Verified): boolean {
    return this.#macaroons.proved(verified) || this.#publicKey.proved(verified);
  }

  prepare(text: string): Promise<void> | undefined {
    return this.#publicKey.prepare?.(text);
  }

  #of(text: string): Verifier {
    return isPublicKeyForm(readText(text).token) ? this.#publicKey : this.#macaroons;
  }
}
