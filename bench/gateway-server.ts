/**
 * The processes of the gateway's bench: a vendor, and what stands before it: the gateway, its data
 * path alone, or a proxy library.
 */
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fastifyProxy from "@fastify/http-proxy";
import fastify from "fastify";
import type { Store } from "l8nt/ports";
import { MemoryStore } from "l8nt/stores/memory";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { openBooks } from "../packages/sigil/src/gateway/books/open.ts";
import { openSqliteBooks } from "../packages/sigil/src/gateway/books/sqlite.ts";
import { Bodies } from "../packages/sigil/src/gateway/core/body.ts";
import { forUpstream } from "../packages/sigil/src/gateway/core/fields.ts";
import { Forwarding } from "../packages/sigil/src/gateway/core/forward.ts";
import { listen } from "../packages/sigil/src/gateway/core/server.ts";
import { openUpstream } from "../packages/sigil/src/gateway/core/upstream.ts";
import { Gateway } from "../packages/sigil/src/gateway/gateway.ts";
import { GatheredLines } from "../packages/sigil/src/gateway/gathered-lines.ts";
import type { Observer } from "../packages/sigil/src/gateway/observer.ts";
import { PRESETS } from "../packages/sigil/src/gateway/presets/index.ts";
import { NO_ALLOWANCES } from "../packages/sigil/src/gateway/presets/preset.ts";
import { PriceTable } from "../packages/sigil/src/gateway/prices/table.ts";
import { requestLog } from "../packages/sigil/src/gateway/request-log.ts";
import { Service } from "../packages/sigil/src/gateway/service.ts";
import { Vault } from "../packages/sigil/src/gateway/vault/vault.ts";
import { plainLogger } from "../packages/sigil/src/treasury/log.ts";

/** `unwatched`: without books and log, in memory. */
export type GatewayKind = "vendor" | "bare" | "fastify" | "unwatched" | "memory" | "sqlite";

/** 270 bytes, as a short answer of a model. */
const ANSWER = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "gpt-test",
  choices: [{ index: 0, message: { role: "assistant", content: "x".repeat(56) } }],
  usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
});

const [kind, origin = ""] = process.argv.slice(2) as [GatewayKind, string];
const SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
const PRICES = `
date: "2026-11-01"
vendors: { openai: { gpt-test: { input: "1", output: "10", context: "128000", maxOutput: "16000" } } }
`;

/** What a stream asks for by the name of its user: how many kilobytes. */
const streamed = (body: string): number =>
  Number(/"user":"(\d+) kB"/.exec(body)?.[1] ?? Number.NaN);

/** A kilobyte of a stream: one event. */
const EVENT = eventOf({ choices: [{ index: 0, delta: { content: "x".repeat(864) } }] });
const LAST = `${eventOf({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 } })}data: [DONE]\n\n`;

function eventOf(more: object): string {
  const event = { id: "chatcmpl-1", object: "chat.completion.chunk", model: "gpt-test", ...more };
  return `data: ${JSON.stringify(event)}\n\n`;
}

/** As fast as it is read. */
async function stream(outgoing: ServerResponse, kilobytes: number): Promise<void> {
  outgoing.writeHead(200, { "content-type": "text/event-stream" });
  const part = EVENT.repeat(Math.min(kilobytes, 16));
  for (let sent = 0; sent < kilobytes; sent += 16)
    if (!outgoing.write(part)) await once(outgoing, "drain");
  outgoing.end(LAST);
}

const hasBody = ({ method }: IncomingMessage): boolean => method === "POST";

/** As the program watches its requests: its books, and a log, of which nothing is kept here. */
async function watching(
  path: string,
  journal: Store,
  clock: () => number,
): Promise<readonly Observer[]> {
  const alarm = (what: string) => console.error(what);
  const database = openSqliteBooks(path);
  const books = await openBooks({ database, journal, clock, alarm });
  const lines = new GatheredLines(createWriteStream("/dev/null"));
  return [books, requestLog(plainLogger("info", lines))];
}

async function start(): Promise<{ readonly url: string; readonly key?: string }> {
  switch (kind) {
    case "vendor": {
      const server = createServer({ keepAliveTimeout: 600_000 }, (incoming, outgoing) => {
        let body = "";
        incoming.on("data", (part: Buffer) => {
          body += part.toString("latin1");
        });
        incoming.on("end", () => {
          const kilobytes = streamed(body);
          if (kilobytes > 0) return void stream(outgoing, kilobytes);
          outgoing
            .writeHead(200, { "content-type": "application/json", "content-length": ANSWER.length })
            .end(ANSWER);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    }
    case "bare": {
      const upstream = openUpstream(origin);
      return listen(async (incoming, outgoing) => {
        const { method = "", url: path = "", rawHeaders } = incoming;
        const body = hasBody(incoming) ? incoming : undefined;
        const plan = { method, path, fields: forUpstream(rawHeaders), body };
        await new Forwarding(upstream, outgoing, plan).outcome;
      });
    }
    case "fastify": {
      const app = fastify({ keepAliveTimeout: 600_000 });
      await app.register(fastifyProxy, { upstream: origin });
      return { url: await app.listen({ port: 0, host: "127.0.0.1" }) };
    }
    default: {
      const folder = mkdtempSync(join(tmpdir(), "sigil-bench-"));
      process.on("exit", () => rmSync(folder, { recursive: true }));
      const database = join(folder, "books.db");
      const isInMemory = kind === "memory" || kind === "unwatched";
      const store = isInMemory
        ? new MemoryStore({ journal: true })
        : await openSqliteStore(database);
      const alarm = (what: string) => console.error(what);
      const clock = () => Date.now() / 1000;
      const service = new Service({
        name: "openai",
        prefix: "",
        preset: PRESETS.get("openai")!,
        needsKey: true,
        allowances: NO_ALLOWANCES,
        upstream: openUpstream(origin),
        vault: await Vault.open({ openai: "env:KEY" }, { env: { KEY: "sk-vendor-0123456789" } }),
        prices: PriceTable.read(PRICES),
        location: "http://gateway.example",
        secret: SECRET,
        store,
        clock,
        alarm,
      });
      await service.paywall.ready();
      const gateway = new Gateway({
        services: [service],
        ledger: store,
        bodies: new Bodies(),
        clock,
        alarm,
        observers: kind === "unwatched" ? [] : await watching(database, store, clock),
      });
      const key = service.paywall.authority.minter
        .mint({ endpoints: ["* http://gateway.example/**"], expiresIn: "1d", budget: "1000 usd" })
        .delegate({ agent: "scout", budget: "999 usd" })
        .toKey();
      return { ...(await listen(gateway.serve)), key };
    }
  }
}

const { url, key } = await start();
process.send!({ url, key });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!({ answer: user + system });
});
process.on("disconnect", () => process.exit());
