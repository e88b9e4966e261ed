/** Finds out whose key signed a message to the treasury. spec/9-public-key.md §9. */
import { HolderProofs } from "../holder/proofs.ts";
import type { Use } from "../internal/shares.ts";
import type { Verified } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import { type AnyMessage, readBytes } from "../wire/message.ts";

/** A message as it arrived. */
export interface ArrivedMessage {
  readonly message: AnyMessage;
  readonly request: Request;
}

export interface SignedMessage {
  /** The thumbprint of the key; null if the signature proves nothing. */
  readonly signer: string | null;
  /** The request with its body in memory; undefined if the body was not read. */
  readonly whole?: Request | undefined;
}

export class Signers {
  readonly #authority: string;
  readonly #proofs: HolderProofs;

  /** @param location of the treasury: a proxy before it may write another `Host` */
  constructor(location: string, clock: Clock) {
    this.#authority = new URL(location).host;
    this.#proofs = new HolderProofs(clock);
  }

  /**
   * Reads the body if the signature is right, which has its digest.
   *
   * @param bytes counts what is read
   * @throws AdapterError `ERR_RATE_LIMITED`, `ERR_TOO_LARGE`
   */
  async of(
    { message, request }: ArrivedMessage,
    verified: Verified,
    bytes: Use,
  ): Promise<SignedMessage> {
    const { pathname: path, search } = new URL(request.url);
    const { method, headers } = request;
    let whole: Request | undefined;
    const body = async () => {
      const read = await readBytes(message, request, bytes.more);
      whole = request.body === null ? request : new Request(request, { body: read });
      return read;
    };
    const asked = { method, authority: this.#authority, path, query: search || "?", headers, body };
    return { signer: await this.#proofs.prove(asked, verified), whole };
  }
}
