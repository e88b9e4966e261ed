/** The names of L402 services. */

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export const isServiceName = (text: string): boolean => NAME.test(text);
