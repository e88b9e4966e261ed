/** Requests a URL with the guarded fetch, and prints the status or the error: `guarded.ts URL`. */
import { guardedFetch } from "l8nt/treasury";

const [url = ""] = process.argv.slice(2);
try {
  const response = await guardedFetch()(url);
  console.log(response.status, await response.text());
} catch (error) {
  for (let at: unknown = error; at instanceof Error; at = at.cause) console.log(at.message);
}
