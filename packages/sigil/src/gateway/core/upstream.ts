/** The connections to one vendor, at the origin that the owner named. */
import { type Dispatcher, Pool } from "undici";

/** To one vendor, at one time. */
export const CONNECTIONS = 256;

export interface UpstreamOptions {
  /** Sockets at one time. @default CONNECTIONS */
  readonly connections?: number;
  /** Milliseconds until a connection is there. @default 10000 */
  readonly connectTimeout?: number;
  /**
   * Milliseconds until the head of an answer is there: a model may think for minutes.
   *
   * @default 600000
   */
  readonly headersTimeout?: number;
  /** Milliseconds between two parts of an answer. @default 300000 */
  readonly bodyTimeout?: number;
  /** PEM, for a vendor with a certificate authority of its own. */
  readonly ca?: string;
}

export function openUpstream(origin: string, options: UpstreamOptions = {}): Dispatcher {
  const { connections = CONNECTIONS, connectTimeout = 10_000, ca } = options;
  const { headersTimeout = 600_000, bodyTimeout = 300_000 } = options;
  return new Pool(origin, {
    connections,
    headersTimeout,
    bodyTimeout,
    // One request on a connection: a slow answer holds up no other.
    pipelining: 1,
    allowH2: false,
    connect: { timeout: connectTimeout, ...(ca !== undefined && { ca }) },
  });
}
