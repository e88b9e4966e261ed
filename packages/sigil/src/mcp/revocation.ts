/**
 * Whether a credential still stands, as its treasury says: the proxy has no secret, and cannot know
 * by itself.
 */
import { Client, type Credential, SigilError } from "l8nt";
import { printable } from "../secrecy.ts";

/** What the treasury said holds for as long as a revocation may take anywhere. */
const KEPT_MS = 1000;
const TIMEOUT_MS = 5000;

export class Revocation {
  readonly #credential: Credential;
  #asked: Promise<string | undefined> = Promise.resolve(undefined);
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(credential: Credential) {
    this.#credential = credential;
  }

  /** Why nothing may be called now. A treasury that does not answer is a reason, too. */
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
        return "the treasury did not say whether the credential stands";
      return printable(error.message.replace(/\.$/, ""));
    } finally {
      clearTimeout(timer);
    }
  }
}
