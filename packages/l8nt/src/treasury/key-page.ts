/** The page of the keys that a treasury mints with. spec/9-public-key.md §6. */
import { KEYS_PATH } from "../public-key/key-page.ts";
import type { KeyRing } from "../public-key/key-ring.ts";

/** A service reads it again after that, so a key that was retired ends soon. */
const MAX_AGE_SECONDS = 300;

/** Anybody may ask for it, from any page, so its text is made once. */
const texts = new WeakMap<KeyRing, string>();

/** The answer to a request for the page; undefined for any other request. */
export function keyPage(keys: KeyRing, { method, url }: Request): Response | undefined {
  if ((method !== "GET" && method !== "HEAD") || new URL(url).pathname !== KEYS_PATH)
    return undefined;
  const text = texts.get(keys) ?? keys.page();
  texts.set(keys, text);
  return new Response(method === "HEAD" ? null : text, {
    headers: {
      "content-type": "application/json",
      "cache-control": `max-age=${MAX_AGE_SECONDS}`,
      "access-control-allow-origin": "*",
    },
  });
}
