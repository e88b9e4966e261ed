/** Ends a response whose body is not wanted. */
import { later } from "../internal/timers.ts";

const MAX_MS = 1000;
const MAX_BYTES = 65_536;

/**
 * Reads a short body to its end, so that the connection can be used again, and cancels a long or
 * slow one. The caller does not wait for it. [case 79]
 */
export function discard({ body }: Response): void {
  if (body === null) return;
  const reader = body.getReader();
  const cut = () => void reader.cancel().catch(() => {});
  const late = later(MAX_MS, cut);
  const drain = async () => {
    let left = MAX_BYTES;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      left -= part.value.length;
      if (left < 0) cut();
    }
  };
  void drain()
    .catch(() => {})
    .finally(() => clearTimeout(late));
}
