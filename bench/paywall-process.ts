/**
 * What a paywall costs a route, in one process: requests come over streams in memory, so that the
 * kernel's part, which varies by several microseconds under load, is left out.
 */
import type { Server } from "node:http";
import { loadavg } from "node:os";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { type Measured, median } from "./figure.ts";
import { addedFigures, askedBy, NAMES, noRounds } from "./paywall-kinds.ts";
import { paywallRoutes } from "./paywall-routes.ts";

const ROUNDS = 15;
/** Rounds before the first that counts: V8 compiles meanwhile. */
const WARM_UP = 2;
const REQUESTS = 8000;
const CONNECTIONS = 8;
const HOST = "127.0.0.1:8080";

export async function paywallInProcess(
  progress: (text: string) => void,
): Promise<Extract<Measured, { figures: unknown }>> {
  const load = loadavg();
  const { servers, warm, counted } = await paywallRoutes(`http://${HOST}`);
  const rounds = noRounds();
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const kind of NAMES) {
      const { framework, path, isCounted } = askedBy(kind);
      const before = process.cpuUsage();
      await request(servers[framework], path, isCounted ? counted : warm);
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) rounds[kind].push((user + system) / REQUESTS);
    }
    progress(`paywall in process: round ${round + 1} of ${ROUNDS}`);
  }
  return {
    figures: addedFigures(rounds, "paywall adds in process"),
    details: {
      paywallInProcess: {
        load: { before: load, after: loadavg() },
        medians: Object.fromEntries(NAMES.map((kind) => [kind, median(rounds[kind])])),
      },
    },
  };
}

async function request(server: Server, path: string, token: string): Promise<void> {
  const head = `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: keep-alive\r\nAuthorization: L402 ${token}\r\n\r\n`;
  const bytes = Buffer.from(head);
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const wire = new Wire();
      server.emit("connection", wire);
      for (let sent = 0; sent < REQUESTS / CONNECTIONS; sent++) {
        const status = await wire.answer(bytes);
        if (status !== "200") throw new Error(`${path} answered ${status}`);
        // The server ends its turn, as between two reads of a socket.
        await setImmediate();
      }
      wire.destroy();
    }),
  );
}

/** A connection as a server sees it; each answer comes in one write. */
class Wire extends Duplex {
  readonly remoteAddress = "127.0.0.1";
  #answered: ((status: string) => void) | undefined;

  /** The status of the answer to a request. */
  answer(bytes: Uint8Array): Promise<string> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.push(bytes);
    });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done();
    this.#tell(chunk);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    done();
    this.#tell(chunks[0]!.chunk);
  }

  #tell(head: Buffer): void {
    this.#answered?.(head.toString("latin1", 9, 12));
    this.#answered = undefined;
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}
