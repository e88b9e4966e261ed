/** The owner's side of a treasury's HTTP API, for commands: over TCP or a Unix socket. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { AdapterError, Credential, DeniedError, type Refusal, TokenError } from "l8nt";
import type { Arguments, Flag } from "../arguments.ts";
import { UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { existingFolder, readPrivate } from "./folder.ts";

export const OWNER_FLAGS = {
  dir: {
    value: "DIR",
    help: "the treasury's folder, which has its owner's credential (SIGIL_OWNER_CREDENTIAL otherwise)",
  },
  socket: { value: "PATH", help: "the treasury listens at this Unix socket" },
} as const satisfies Record<string, Flag>;

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export class OwnerClient {
  readonly #credential: Credential;
  readonly #socket: string | undefined;

  /** @throws UsageError, TokenError */
  constructor(given: Arguments<keyof typeof OWNER_FLAGS>, { env }: Terminal) {
    const dir = given.text("dir");
    const text =
      dir === undefined
        ? env.SIGIL_OWNER_CREDENTIAL
        : readPrivate(existingFolder(dir).ownerCredential, "The owner's credential");
    if (!text)
      throw new UsageError(
        "Whose treasury? Give --dir DIR, or set SIGIL_OWNER_CREDENTIAL to the owner's credential.",
      );
    this.#credential = Credential.parse(text);
    this.#socket = given.text("socket");
  }

  /** @throws SigilError, UsageError as the treasury says */
  get<Answer>(
    path: string,
    query: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Answer> {
    const asked = new URLSearchParams(
      Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    return this.#ask("GET", `/v1/owner/${path}${asked.size > 0 ? `?${asked}` : ""}`);
  }

  post<Answer>(path: string, body: object): Promise<Answer> {
    return this.#ask("POST", `/v1/owner/${path}`, JSON.stringify(body));
  }

  async #ask<Answer>(method: string, path: string, body?: string): Promise<Answer> {
    const url = new URL(this.#credential.location);
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      send(
        new URL(path, url),
        {
          method,
          headers: {
            authorization: `L402 ${this.#credential}`,
            ...(body !== undefined && {
              "content-type": "application/json",
              "content-length": Buffer.byteLength(body),
            }),
          },
          ...(this.#socket !== undefined && { socketPath: this.#socket }),
        },
        resolve,
      )
        .once("error", reject)
        .end(body);
    }).catch((cause: unknown) => {
      throw new AdapterError(
        "ERR_TREASURY",
        `The treasury at ${url.origin} cannot be reached. Is it running? \`sigil treasury start --dir DIR\` starts it.`,
        { cause },
      );
    });
    const text = await textOf(incoming);
    if (incoming.statusCode === 200) return JSON.parse(text) as Answer;
    throw failure(text, url.origin);
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new AdapterError("ERR_TOO_LARGE", "The treasury's answer is too large.");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function failure(text: string, origin: string): Error {
  let problem: { code?: string; detail?: string; refusals?: [Refusal, ...Refusal[]] } = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // Something in between answered.
  }
  const { code, detail, refusals } = problem;
  if (code === undefined || detail === undefined)
    return new AdapterError(
      "ERR_TREASURY",
      `What answers at ${origin} is no treasury of this version.`,
    );
  if (refusals !== undefined) return new DeniedError(refusals);
  if (code.startsWith("ERR_TOKEN_")) return new TokenError(code as TokenError["code"], detail);
  if (code === "ERR_REQUEST") return new UsageError(detail);
  return new AdapterError(code as AdapterError["code"], detail);
}
