/** Biscuit's own libraries, of which both are the Rust one. */
import { join } from "node:path";
import { python, started } from "../python/venv.ts";
import * as wasm from "./wasm.ts";
import { type Given, PUBLIC_KEY } from "./world.ts";

export interface Library {
  /** Whether it authorizes with these facts. Throws unless a check alone was against it. */
  authorized(token: Uint8Array, facts: readonly Given[]): Promise<boolean>;
  /** The token with one more block. */
  append(token: Uint8Array, parts: readonly Given[]): Promise<Uint8Array>;
}

const interpreter = python(join(import.meta.dirname, "../python/requirements-biscuit.txt"));

interface Answer {
  readonly error?: string;
  readonly isAuthorized?: boolean;
  readonly token?: string;
}

function inPython(): Library {
  const { ask } = started(interpreter!, "biscuit.py");
  const asked = async (token: Uint8Array, question: object) => {
    const hex = Buffer.from(token).toString("hex");
    return await ask<Answer>({ ...question, key: PUBLIC_KEY, token: hex });
  };
  return {
    async authorized(token, facts) {
      const { isAuthorized, error } = await asked(token, { do: "authorize", facts });
      if (isAuthorized === true) return true;
      if (isAuthorized === false && error?.includes("check")) return false;
      throw new Error(error);
    },
    async append(token, parts) {
      const answer = await asked(token, { do: "append", parts });
      if (answer.token === undefined) throw new Error(answer.error);
      return Buffer.from(answer.token, "hex");
    },
  };
}

const inWasm: Library = {
  authorized: async (token, facts) => wasm.authorized(token, facts),
  append: async (token, parts) => wasm.append(token, parts),
};

export const libraries: readonly {
  readonly name: "wasm" | "python";
  /** For the test that calls it. */
  start(): Library;
}[] = [
  { name: "wasm", start: () => inWasm },
  ...(interpreter === undefined ? [] : [{ name: "python" as const, start: inPython }]),
];
