/** A webhook of Standard Webhooks 1.0: signs a message and sends it once. */
import { createHmac } from "node:crypto";
import { reveal, type Secret } from "../vault/secret.ts";

export interface Message {
  readonly id: string;
  readonly body: string;
}

export interface WebhookOptions {
  readonly url: string;
  /** `whsec_` and base64, as readers of Standard Webhooks take it. */
  readonly secret: Secret;
  readonly fetch: typeof fetch;
  /** Unix seconds. */
  readonly clock: () => number;
}

/** How long an endpoint may take. The specification recommends 15 to 30 seconds. */
const TIMEOUT_MS = 15_000;

/** The bytes of a secret; undefined for one that is none, or has fewer than 24 bytes or over 64. */
export function keyOf(secret: string): Buffer | undefined {
  const [, text] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const key = text === undefined ? undefined : Buffer.from(text, "base64");
  return key !== undefined && key.length >= 24 && key.length <= 64 ? key : undefined;
}

export const signatureOf = (key: Buffer, { id, body }: Message, at: number): string =>
  `v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`;

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #key: Buffer;

  /** @throws TypeError for a secret that cannot be read */
  constructor(options: WebhookOptions) {
    const key = keyOf(reveal(options.secret));
    if (key === undefined) throw new TypeError("the secret of a webhook is whsec_ and base64");
    this.#options = options;
    this.#key = key;
  }

  /** Why the endpoint did not take it, without anything that it answered; undefined if it did. */
  async send(message: Message): Promise<string | undefined> {
    const { url, fetch, clock } = this.#options;
    const at = Math.floor(clock());
    try {
      const response = await fetch(url, {
        method: "POST",
        redirect: "manual",
        headers: {
          "content-type": "application/json",
          "webhook-id": message.id,
          // Of this attempt: a receiver refuses old ones.
          "webhook-timestamp": String(at),
          "webhook-signature": signatureOf(this.#key, message, at),
        },
        body: message.body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `it answered ${response.status}`;
    } catch (error) {
      const { code, name } = error as { readonly code?: string; readonly name: string };
      return code ?? name;
    }
  }
}
