/** The size of the client in a browser. */
import { browserBudgetBytes, browserBundle } from "../scripts/browser-bundle.ts";
import { atMost, type Figure, plain } from "./figure.ts";

export async function bundle(): Promise<Figure[]> {
  const { gzipBytes, initialGzipBytes, faults } = await browserBundle();
  const serverCode = faults.filter((fault) => !fault.includes("gzipped"));
  return [
    atMost(
      "client entry as a page loads it, minified and gzipped",
      initialGzipBytes,
      "bytes",
      browserBudgetBytes,
      "-",
    ),
    plain(
      "client entry in one file, with all that is loaded at the first payment",
      gzipBytes,
      "bytes",
      "-",
    ),
    atMost("server code in it", serverCode.length, "lines", 0, "the bundle's own list of inputs"),
  ];
}
