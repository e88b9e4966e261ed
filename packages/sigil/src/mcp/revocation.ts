/**
 * Asks a credential's treasury whether the credential was revoked or frozen. The proxy does not
 * have the secret, so it cannot know by itself.
 */
import { Client, type Credential, SigilError } from "l8nt";
import { printable } from "../secrecy.ts";

/** How long an answer is used: as long as a revocation may take to reach any service. */
const KEPT_MS = 1000;
const TIMEOUT_MS = 5000;

export class Revocation {
  readonly #credential: Credential;
  #asked: Promise<string | undefined> = Promise.resolve(undefined);
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(credential: Credential) {
    this.#credential = credential;
  }

  /** Returns why no tool may be called now, also if the treasury does not answer. */
  refusal(): Promise<string | undefined> {
    if (performance.now() - this.#askedAt >= KEPT_MS) {
      this.#askedAt = performance.now();
      this.#asked = this.#ask();
    }
    return this.#asked;
  }

  async #ask(): Promise<string | undefined> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
      const client = new Client({
        credential: this.#credential,
        fetch: (input, init) => fetch(input, { ...init, signal: abort.signal }),
      });
      const stopped = (await client.standing()).find(({ state }) => state !== "active");
      return stopped === undefined
        ? undefined
        : `${stopped.agent ?? "the root"} is ${stopped.state}`;
    } catch (error) {
      if (!(error instanceof SigilError))
        return "the treasury did not say whether the credential is active";
      return printable(error.message.replace(/\.$/, ""));
    } finally {
      clearTimeout(timer);
    }
  }
}
