/** The names that OpenSSL and `node:tls` have for a connection that could not be made safe. */

const TLS =
  /^(?:ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/;

export const isTlsFault = (code: string): boolean => TLS.test(code);
