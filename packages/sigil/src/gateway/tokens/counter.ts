/** Counts tokens in a thread of its own, because the text is a client's and may be hostile. */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { Countable, Encoding } from "./encoding.ts";

/** Characters of one request, and of all that wait. Beyond, nothing is counted. */
const MAX_LENGTH = 1 << 20;
const MAX_WAITING = 4 * MAX_LENGTH;

/**
 * Bytes of a word that is counted. The tokenizer takes the square of it in time, so a longer one
 * has a token for each byte, as has every word once the squares of a request come to `MAX_WORK`.
 */
export const MAX_WORD = 256;
export const MAX_WORK = 1 << 25;

/**
 * A text, because tests run the sources, and Node 20 starts no thread with TypeScript. Words are
 * split by the tokenizer's own pattern, so their counts add up to that of the text.
 */
const THREAD = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { paths, patterns, maxWord, maxWork } = workerData;
  const pattern = {
    o200k_base: require(patterns).O200K_TOKEN_SPLIT_REGEX,
    cl100k_base: require(patterns).CL100K_TOKEN_SPLIT_REGEX,
  };
  // What looks like a special token is text, which has more tokens.
  const options = { allowedSpecial: new Set(), disallowedSpecial: new Set() };
  parentPort.on("message", ({ encoding, texts }) => {
    const tokenizer = require(paths[encoding]);
    tokenizer.setMergeCacheSize(0);
    let tokens = 0;
    let work = 0;
    for (const text of texts)
      for (const [word] of text.matchAll(pattern[encoding])) {
        const bytes = Buffer.byteLength(word);
        if (bytes <= maxWord) work += bytes * bytes;
        const isCounted = bytes <= maxWord && work <= maxWork;
        tokens += isCounted ? tokenizer.countTokens(word, options) : bytes;
      }
    parentPort.postMessage(tokens);
  });
`;

interface Waiting {
  readonly length: number;
  readonly answer: (tokens: number | undefined) => void;
}

export class TokenCounter {
  readonly #alarm: (what: string, cause?: unknown) => void;
  #worker: Worker | undefined;
  /** In the order in which the thread answers. */
  #waiting: Waiting[] = [];

  constructor(alarm: (what: string, cause?: unknown) => void) {
    this.#alarm = alarm;
  }

  /**
   * Tokens of the texts, or more, and never more than bytes. The first call starts the thread,
   * which keeps an encoding that it has read.
   *
   * @returns undefined if they are too long, too many others wait, or the thread failed
   */
  async count({ encoding, texts }: Countable): Promise<number | undefined> {
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    const ahead = this.#waiting.reduce((sum, waiting) => sum + waiting.length, 0);
    if (length > MAX_LENGTH || ahead + length > MAX_WAITING) return undefined;
    this.#worker ??= this.#started();
    const worker = this.#worker;
    return new Promise((answer) => {
      this.#waiting.push({ length, answer });
      worker.postMessage({ encoding, texts });
    });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#end(worker);
    await worker?.terminate();
  }

  #started(): Worker {
    const { resolve } = createRequire(import.meta.url);
    const pathOf = (encoding: Encoding): string => resolve(`gpt-tokenizer/encoding/${encoding}`);
    const worker = new Worker(THREAD, {
      eval: true,
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: 256 },
      workerData: {
        paths: { o200k_base: pathOf("o200k_base"), cl100k_base: pathOf("cl100k_base") },
        patterns: resolve("gpt-tokenizer/encodingParams/constants"),
        maxWord: MAX_WORD,
        maxWork: MAX_WORK,
      },
    });
    worker.on("message", (tokens: number) => this.#waiting.shift()?.answer(tokens));
    worker.on("error", (cause) => {
      this.#alarm("tokens cannot be counted, so each byte counts as one", cause);
      this.#end(worker);
    });
    worker.on("exit", () => this.#end(worker));
    // It holds no process that has nothing else to do.
    worker.unref();
    return worker;
  }

  #end(worker: Worker | undefined): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    for (const { answer } of this.#waiting.splice(0)) answer(undefined);
  }
}
