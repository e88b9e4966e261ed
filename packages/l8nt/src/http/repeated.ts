/** Responses to requests that were sent twice, because a connection was closed under the first. */

const repeated = new WeakSet<Response>();

/**
 * Whether the connection of a first try was closed without an answer: the server may have served
 * that one.
 */
export const isOfRepeated = (response: Response): boolean => repeated.has(response);

export const noteRepeated = (response: Response): void => void repeated.add(response);
