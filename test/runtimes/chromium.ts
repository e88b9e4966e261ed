/** Runs a function of a bundle in a page of Chromium, or in a worker of that page. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { listenAt, visit } from "../browser/support/page.ts";

/** What both do: the worker is given what the page was. */
const RUN = `
  import { publicKeys } from "/public-key.js";
  export const run = (town) => publicKeys(town).then(
    (names) => ({ names }), (error) => ({ error: error.stack }));
`;
const PAGES: Readonly<Record<"page" | "worker", string>> = {
  page: `
    import { run } from "/run.js";
    const town = await (await fetch("/town")).json();
    await fetch("/result", { method: "POST", body: JSON.stringify(await run(town)) });
  `,
  worker: `
    const worker = new Worker("/worker.js", { type: "module" });
    worker.onmessage = ({ data }) => fetch("/result", { method: "POST", body: data });
    worker.onerror = ({ message }) =>
      fetch("/result", { method: "POST", body: JSON.stringify({ error: message }) });
  `,
};
const WORKER = `
  import { run } from "/run.js";
  const town = await (await fetch("/town")).json();
  postMessage(JSON.stringify(await run(town)));
`;

interface Result {
  readonly names?: string[];
  readonly error?: string;
}

/** The names of the checks that passed there. @throws Error what the one said that failed */
export async function inChromium(where: "page" | "worker", town: object): Promise<string[]> {
  let told = (_: Result): void => {};
  const result = new Promise<Result>((done) => {
    told = done;
  });
  const files: Readonly<Record<string, string>> = {
    "/public-key.js": readFileSync(join(import.meta.dirname, "dist/public-key.js"), "utf8"),
    "/run.js": RUN,
    "/page.js": PAGES[where],
    "/worker.js": WORKER,
  };
  const origin = await listenAt(async (request, response) => {
    const { url = "" } = request;
    if (url === "/town") return void response.end(JSON.stringify(town));
    if (url === "/result") {
      told(JSON.parse(await text(request)));
      return void response.end();
    }
    const file = files[url];
    response
      .setHeader("content-type", file === undefined ? "text/html" : "text/javascript")
      .end(file ?? '<!doctype html><script type="module" src="/page.js"></script>');
  });
  // Another origin than everything on 127.0.0.1.
  await visit(origin.replace("127.0.0.1", "localhost"));
  const { names, error } = await result;
  if (names === undefined) throw new Error(error);
  return names;
}
