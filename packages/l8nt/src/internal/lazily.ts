/**
 * Opens a resource once, at its first use. A failed attempt is repeated at the next use, because
 * the other end may only have been starting.
 */
export function lazily<Value>(open: () => Promise<Value>): () => Promise<Value> {
  let opened: Promise<Value> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}
