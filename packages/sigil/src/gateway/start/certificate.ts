/** The certificate that the gateway serves TLS with, read at the start and at each SIGHUP. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { UsageError } from "../../exit.ts";
import type { Listen } from "../config/listen.ts";

/** In PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Undefined if none is configured.
 *
 * @throws UsageError if a file cannot be read, or if they are no certificate and its key
 */
export function readCertificate({ tlsCert, tlsKey }: Listen): Certificate | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const read = { cert: textOf(tlsCert, "tls-cert"), key: textOf(tlsKey, "tls-key") };
  try {
    createSecureContext(read);
  } catch (error) {
    // Its own text may show lines of the file.
    const isOther = (error as NodeJS.ErrnoException).code?.includes("VALUES_MISMATCH") === true;
    throw new UsageError(
      isOther
        ? "The key of --tls-key is not that of the certificate of --tls-cert."
        : "The files of --tls-cert and --tls-key must be a certificate and its private key in PEM, without a passphrase.",
    );
  }
  return read;
}

function textOf(path: string, flag: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new UsageError(`The file of --${flag} cannot be read.`);
  }
}
