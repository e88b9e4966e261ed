/** Recognizes the error codes of OpenSSL and `node:tls`. */

const TLS =
  /^(?:ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/;

/** Whether an error code means that TLS failed. */
export const isTlsFault = (code: string): boolean => TLS.test(code);
