/**
 * An upstream that keeps the bytes of each request, because a library would hide how they were
 * spelled.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface Served {
  /** The head, byte by byte. */
  readonly head: string;
  readonly method: string;
  readonly target: string;
  readonly bodyBytes: number;
  /** The values of a field, by its name in lower case. */
  values(name: string): readonly string[];
}

export interface Upstream {
  readonly port: number;
  readonly served: Served[];
  close(): void;
}

export async function openUpstream(): Promise<Upstream> {
  const served: Served[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    serve(socket, served).catch(() => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    served,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function serve(socket: Socket, served: Served[]): Promise<void> {
  const bytes = reader(socket);
  for (;;) {
    const head = await bytes.until("\r\n\r\n");
    if (head === undefined) return;
    const [line = "", ...fields] = head.split("\r\n");
    const [method = "", target = ""] = line.split(" ");
    const values = (name: string): string[] =>
      fields.flatMap((field) => {
        const colon = field.indexOf(":");
        return field.slice(0, colon).toLowerCase() === name ? [field.slice(colon + 1).trim()] : [];
      });
    const [upgrade] = values("upgrade");
    if (upgrade !== undefined) {
      served.push({ head, method, target, bodyBytes: 0, values });
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
      );
      for (;;) {
        const part = await bytes.some();
        if (part === undefined) return;
        socket.write(part);
      }
    }
    const bodyBytes =
      values("transfer-encoding").length > 0
        ? await chunked(bytes)
        : Number(values("content-length")[0] ?? 0);
    if (values("transfer-encoding").length === 0) await bytes.skip(bodyBytes);
    served.push({ head, method, target, bodyBytes, values });
    const body = method === "HEAD" ? "" : "served";
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\n${body}`);
  }
}

async function chunked(bytes: ReturnType<typeof reader>): Promise<number> {
  let total = 0;
  for (;;) {
    const size = Number.parseInt((await bytes.until("\r\n")) ?? "0", 16);
    await bytes.skip(size + 2);
    if (size === 0) return total;
    total += size;
  }
}

/** Reads a socket in parts of the reader's choice. */
function reader(socket: Socket) {
  const parts = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const { value, done } = await parts.next();
    if (done) return false;
    held = held.length === 0 ? value : Buffer.concat([held, value]);
    return true;
  };
  const take = (length: number): Buffer => {
    const taken = held.subarray(0, length);
    held = held.subarray(length);
    return taken;
  };
  return {
    /** The text before an end, which is skipped; undefined if the other side ends before. */
    async until(end: string): Promise<string | undefined> {
      for (;;) {
        const at = held.indexOf(end);
        if (at >= 0)
          return take(at + end.length)
            .toString("latin1")
            .slice(0, -end.length);
        if (!(await more())) return undefined;
      }
    },
    async skip(length: number): Promise<void> {
      let left = length;
      while (left > 0) {
        if (held.length === 0 && !(await more())) throw new Error("the body ended early");
        left -= take(Math.min(left, held.length)).length;
      }
    },
    async some(): Promise<Buffer | undefined> {
      if (held.length === 0 && !(await more())) return undefined;
      return take(held.length);
    },
  };
}
