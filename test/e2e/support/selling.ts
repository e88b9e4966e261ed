/** `sigil gateway` as a process that sells calls of a model, and a buyer's wallet. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Invoice } from "l8nt/invoice";
import { DevNetwork } from "l8nt/testing";
import { devWallet } from "l8nt/wallets/dev";
import { onTestFinished } from "vitest";
import { freePort } from "./free-port.ts";
import { openGateway, openVendor, VENDOR_KEY } from "./gateway.ts";

/** What the model answers, in these parts if it streams. */
export const PARTS = ["Sun", "ny ☀"] as const;
/** Tokens of each answer. */
const USED = { input: 20, output: 100 } as const;

/** The least that a payment is for metered calls, and what each of them comes to. */
export const PREPAID_MSAT = 50_000n;
export const METERED_MSAT = 2n * 20n + 10n * 100n;
export const FLAT_MSAT = 3000n;

/** A request for an answer of the model, as a path and a body. */
export interface Asking {
  readonly path: string;
  readonly body: object;
  /** What is read in the answer if it is served. */
  readonly shows: RegExp;
}

const said = { model: "llama3.2", messages: [{ role: "user", content: "How is the weather?" }] };
const native = { ...said, options: { num_predict: 500 } };

export const ASKED = {
  json: {
    path: "/api/chat",
    body: { ...native, stream: false },
    shows: /"content":"Sunny ☀".*"eval_count":100/,
  },
  "stream of lines": {
    path: "/api/chat",
    body: { ...native, stream: true },
    shows: /"content":"Sun".*\n.*"content":"ny ☀".*"done":true.*\n$/s,
  },
  "stream of events": {
    path: "/v1/chat/completions",
    body: { ...said, max_tokens: 500, stream: true },
    shows: /^data: .*"content":"Sun".*\n\ndata: .*"content":"ny ☀".*\n\ndata: \[DONE\]\n\n/s,
  },
} as const satisfies Readonly<Record<string, Asking>>;

interface AskedOllama {
  readonly stream?: boolean;
  readonly stream_options?: object;
}

/** Ollama as far as these requests go. */
const openModel = () =>
  openVendor(async ({ url, body }, answer) => {
    const { stream, stream_options } = JSON.parse(body || "{}") as AskedOllama;
    const { input, output } = USED;
    if (!/^\/(?:api|v1)\/chat/.test(url)) return answer.end("sunny");
    if (url.startsWith("/v1/")) {
      answer.setHeader("content-type", "text/event-stream");
      const usage = { prompt_tokens: input, completion_tokens: output };
      const chunks: object[] = PARTS.map((content) => ({
        choices: [{ index: 0, delta: { content } }],
      }));
      if (stream_options !== undefined) chunks.push({ choices: [], usage });
      for (const chunk of chunks) answer.write(`data: ${JSON.stringify(chunk)}\n\n`);
      return answer.end("data: [DONE]\n\n");
    }
    const done = { done: true, prompt_eval_count: input, eval_count: output };
    const message = (content: string) => ({ message: { role: "assistant", content } });
    answer.setHeader("content-type", stream ? "application/x-ndjson" : "application/json");
    if (!stream) return answer.end(JSON.stringify({ ...message(PARTS.join("")), ...done }));
    for (const part of PARTS)
      answer.write(`${JSON.stringify({ ...message(part), done: false })}\n`);
    answer.end(`${JSON.stringify({ ...message(""), ...done })}\n`);
  });

/**
 * A gateway in front of a model. `flat` sells each call for 3 sat, by flags alone; `any API` does
 * so for every method and path; `metered` sells tokens, prepaid, by a file.
 */
export async function openSelling(
  by: "flat" | "any API" | "metered",
  /** More keys of the service in the file. */
  more: object = {},
) {
  const network = await DevNetwork.start();
  onTestFinished(() => network.stop());
  const shop = network.account("shop", { balanceMsat: 0n });
  const buyer = network.account("buyer", { balanceMsat: 1_000_000n });
  const wallet = devWallet(buyer.url);
  const folder = mkdtempSync(join(tmpdir(), "sigil-selling-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const model = await openModel();
  const port = await freePort();
  const dir = join(folder, "gateway");
  const file = join(folder, "sell.yaml");
  if (by === "metered")
    writeFileSync(file, JSON.stringify(configOf(port, dir, { upstream: model.origin, ...more })));
  const preset = by === "flat" ? "ollama" : "generic";
  const gateway = await openGateway(
    by === "metered"
      ? ["--config", file]
      : [
          ...["--preset", preset, "--upstream", model.origin, "--sell", "3 sat"],
          ...["--port", `${port}`, "--dir", dir],
        ],
    { SIGIL_WALLET: shop.invoiceOnlyUrl, UPSTREAM_API_KEY: VENDOR_KEY },
  );
  return {
    url: gateway.url,
    /** The URL of the buyer's wallet. */
    wallet: buyer.url,
    /** What each call came to, in msat. */
    spent: () => gateway.settled().map(({ spentMsat }) => BigInt(spentMsat as string)),
    /** Requests that reached the model. */
    seen: model.seen,
    /** Amounts that buyers have paid, in msat and without fees. */
    paid: (): readonly bigint[] =>
      network
        .payments()
        .filter(({ status }) => status === "paid")
        .map(({ amountMsat }) => amountMsat),
    /** Pays an invoice as a person with a wallet would. Resolves with the preimage. */
    async pay(invoice: string): Promise<string> {
      const { paymentHash, amountMsat } = Invoice.decode(invoice);
      const outcome = await wallet.pay({
        ...{ invoice, paymentHash, amountMsat: amountMsat! },
        ...{ maxFeeMsat: 3000n, timeoutSeconds: 10 },
      });
      if (outcome.status !== "paid") throw new Error(`not paid: ${outcome.status}`);
      return outcome.preimage;
    },
  };
}

export type Selling = Awaited<ReturnType<typeof openSelling>>;

/** JSON is YAML. */
const configOf = (port: number, dir: string, more: object): object => ({
  listen: { port },
  dir,
  services: {
    ollama: {
      ...more,
      preset: "ollama",
      routes: [
        { match: "POST /api/chat", access: "paid", price: "meter" },
        { match: "POST /v1/chat/completions", access: "paid", price: "meter" },
        { match: "GET /api/tags", access: "free" },
      ],
    },
  },
  selling: {
    prepaid: "50 sat",
    models: { "llama3*": { input: "2 sat", output: "10 sat", context: 8192 } },
  },
});
