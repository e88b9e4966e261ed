/** The names of L402 services. */

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Of an L402 service that takes names as we do, and of every service here. */
export const isServiceName = (text: string): boolean => NAME.test(text);

const ANY = /^[!-)+-~]{1,256}$/;

/**
 * What another service may call itself in `services`: aperture joins its name and the path where
 * prices are dynamic.
 */
export const isAnyServiceName = (text: string): boolean => ANY.test(text);
