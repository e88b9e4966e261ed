/**
 * Services that write HTTP in ways that frameworks do not, over bare sockets: paid once, and what
 * was bought is served. spec/3-challenge.md §2.
 */
import { createServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { Client } from "l8nt";
import { authenticateFields, Challenge } from "l8nt/l402";
import { describe, expect, onTestFinished, test } from "vitest";
import { challenger, type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";

interface Answer {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

type Write = (socket: Socket, answer: Answer) => void;

const lines = ({ fields }: Answer): string =>
  fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
const withLength = (answer: Answer, more = ""): string =>
  `HTTP/1.1 ${answer.status} Fine\r\n${lines(answer)}${more}content-length: ${answer.body.length}\r\n\r\n${answer.body}`;
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** Writes for as long as anybody reads, and stops by itself. */
function writeOn(socket: Socket): void {
  const part = chunk("x".repeat(65_536));
  let left = 2_000;
  const next = (): void => {
    while (!socket.destroyed && left > 0) {
      left--;
      if (socket.write(part)) continue;
      socket.once("drain", next);
      return;
    }
    socket.destroy();
  };
  next();
}

const WAYS: Readonly<Record<string, Write>> = {
  "HTTP/1.0, whose body ends with the connection": (socket, answer) =>
    socket.end(`HTTP/1.0 ${answer.status} Fine\r\n${lines(answer)}\r\n${answer.body}`),
  "chunks of one byte, and trailers": (socket, answer) =>
    socket.end(
      `HTTP/1.1 ${answer.status} Fine\r\n${lines(answer)}transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n${[
        ...answer.body,
      ]
        .map(chunk)
        .join("")}0\r\nx-sum: 1\r\n\r\n`,
    ),
  "a body in gzip": (socket, answer) => {
    const body = gzipSync(answer.body);
    socket.write(
      `HTTP/1.1 ${answer.status} Fine\r\n${lines(answer)}content-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    socket.end(body);
  },
  "103 before the answer": (socket, answer) =>
    socket.end(`HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n${withLength(answer)}`),
  "a status without a reason": (socket, answer) =>
    socket.end(withLength(answer).replace(" Fine", "")),
  "150 more fields": (socket, answer) =>
    socket.end(
      withLength(
        answer,
        Array.from({ length: 150 }, (_, at) => `x-field-${at}: ${at}\r\n`).join(""),
      ),
    ),
  "both challenges in one line": (socket, answer) => {
    const challenges = answer.fields.filter(([name]) => name === "www-authenticate");
    const others = answer.fields.filter(([name]) => name !== "www-authenticate");
    const joined = challenges.map(([, value]) => value).join(", ");
    const fields = joined === "" ? others : [...others, ["WWW-AUTHENTICATE", joined] as const];
    socket.end(withLength({ ...answer, fields }));
  },
  "a head that arrives byte by byte": (socket, answer) => {
    socket.setNoDelay();
    for (const byte of withLength(answer)) socket.write(byte);
    socket.end();
  },
  "a 402 whose body has no end": (socket, answer) => {
    if (answer.status !== 402) return void socket.end(withLength(answer));
    socket.write(`HTTP/1.1 402 Fine\r\n${lines(answer)}transfer-encoding: chunked\r\n\r\n`);
    writeOn(socket);
  },
};

/** A service over bare sockets, one request for each connection. */
async function service(world: Town, write: Write) {
  const served: string[] = [];
  const sockets = new Set<Socket>();
  let shop!: ReturnType<typeof challenger>;
  const answerTo = async (head: string): Promise<Answer> => {
    const authorization = /^authorization: (.*)$/im.exec(head)?.[1];
    try {
      authenticateFields(shop.authority.verifier, { authorization });
      if (authorization !== undefined) {
        served.push(head.split(" ")[1]!);
        return { status: 200, fields: [["content-type", "text/plain"]], body: "sunny" };
      }
    } catch {
      // Not ours, so it is asked to pay.
    }
    const challenge = Challenge.format(await shop.demand());
    const fields = [...challenge].map((line) => ["www-authenticate", line] as const);
    return { status: 402, fields, body: "pay" };
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    let head = "";
    socket.on("data", (part: Buffer) => {
      head += part.toString("latin1");
      if (head.endsWith("\r\n\r\n")) void answerTo(head).then((answer) => write(socket, answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  shop = challenger(world, url);
  return { url, served };
}

const MODES: readonly (readonly [string, (world: Town) => Client])[] = [
  ["a treasury across HTTP", (world) => world.connect(world.mint())],
  [
    "a treasury in the client",
    (world) => new Client({ wallet: world.network.account("treasury").url, clock: world.clock }),
  ],
];

describe.each(MODES)("with %s", (_mode, clientOf) => {
  test.each(Object.entries(WAYS))("%s", async (_way, write) => {
    const world = await town();
    const { url, served } = await service(world, write);
    const client = clientOf(world);
    for (const path of ["/a", "/b", "/a"])
      expect(await (await client.get(url + path)).text()).toBe("sunny");
    expect(served).toEqual(["/a", "/b", "/a"]);
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toEqual([]);
  });

  test("100 that nobody asked for: it fails as in `fetch`, and nothing is paid", async () => {
    const world = await town();
    const { url, served } = await service(world, (socket, answer) =>
      socket.end(`HTTP/1.1 100 Continue\r\n\r\n${withLength(answer)}`),
    );
    await expect(fetch(url)).rejects.toThrow("fetch failed");
    await expect(clientOf(world).get(`${url}/a`)).rejects.toThrow("fetch failed");
    expect([served, world.network.payments()]).toEqual([[], []]);
  });
});
