/** The paywall before an upgrade of the protocol, such as to WebSocket. spec/3-challenge.md §5. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { rendering } from "../service/answered.ts";
import type { Answered, Grant, Granted, Paywall, Refused, Terms } from "../service/index.ts";
import { NodeFacts } from "./facts.ts";
import { settle } from "./settlement.ts";
import { stripIncoming } from "./stripped.ts";

/** A listener of `upgrade` behind the paywall. */
export type PaidUpgradeListener = (
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  grant: Grant,
) => void | Promise<void>;

export interface PaidUpgradeOptions {
  /**
   * The client's address, for a server behind a trusted proxy: from a field that only the proxy can
   * write.
   *
   * @default the address of the socket
   */
  readonly clientAddress?: (incoming: IncomingMessage) => string | undefined;
}

const OPTIONS = { clientAddress: true } satisfies Keys<PaidUpgradeOptions>;

/**
 * Puts the paywall before a listener of `upgrade`. Without it a WebSocket on the same server passes
 * by every `paid`. The use is consumed by the status 101, which the listener sends.
 *
 * @example
 * const sockets = new WebSocketServer({ noServer: true });
 * server.on("upgrade", paidUpgrade(paywall, { price: "10 sat" }, (incoming, socket, head) => {
 *   sockets.handleUpgrade(incoming, socket, head, (opened) => opened.send("sunny"));
 * }));
 */
export function paidUpgrade(
  paywall: Paywall,
  terms: Terms,
  listener: PaidUpgradeListener,
  options: PaidUpgradeOptions = {},
): (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void {
  checkKeys(options, OPTIONS, "paidUpgrade");
  const { clientAddress } = options;
  const route = paywall.route(terms);
  guarding.add(paywall);

  async function answer(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Node leaves such a socket without a listener, and its error would end the process.
    socket.on("error", () => socket.destroy());
    try {
      const decision = await route.authorize(new UpgradeFacts(incoming, clientAddress));
      if (!decision.granted) return refuse(socket, decision);
      if (socket.destroyed) return await settle(decision, undefined);
      if (decision.claimed) settleByFirstBytes(socket, decision);
      stripIncoming(incoming);
      await listener(incoming, socket, head, decision.grant);
    } catch (error) {
      console.error(error);
      socket.destroy();
    }
  }

  return (incoming, socket, head) => void answer(incoming, socket, head);
}

class UpgradeFacts extends NodeFacts {
  /** There is no answer that could be kept for a repeated request. */
  override get idempotencyKey(): undefined {
    return undefined;
  }

  override async body(): Promise<Uint8Array> {
    return new Uint8Array();
  }
}

/** Paywalls that stand before upgrades. */
const guarding = new WeakSet<Paywall>();
const told = new WeakSet<Paywall>();

/** Tells the operator once of a server whose upgrades pass by the paywall. */
export function watchUpgrades(paywall: Paywall, { socket }: IncomingMessage): void {
  if (told.has(paywall) || guarding.has(paywall)) return;
  const { server } = socket as { server?: { listenerCount?(name: string): number } };
  if (!((server?.listenerCount?.("upgrade") ?? 0) > 0)) return;
  told.add(paywall);
  console.error(OPEN_UPGRADES);
}

const OPEN_UPGRADES =
  "l8nt: this server has a listener of `upgrade`, which no paywall stands before: a WebSocket is served unpaid, whatever its path. Put paidUpgrade() of l8nt/node before that listener, or serve free WebSockets from another server.";

/** Ends the claim by the status line that is sent first. */
function settleByFirstBytes(socket: Duplex, granted: Granted): void {
  let open = true;
  const settleOnce = (status: number | undefined): void => {
    if (!open) return;
    open = false;
    void settle(granted, status);
  };
  let sent: number | undefined;
  for (const name of ["write", "end"] as const) {
    const send = socket[name] as (...given: unknown[]) => unknown;
    (socket as unknown as Record<string, typeof send>)[name] = (...given) => {
      const isGone = socket.destroyed;
      const result = send.apply(socket, given);
      if (open && !isGone) sent ??= statusIn(given[0]);
      if (sent !== undefined && granted.endsBy !== "end") settleOnce(sent);
      return result;
    };
  }
  socket.once("close", () => settleOnce(sent));
}

/** The status of the line that a chunk begins with. */
function statusIn(chunk: unknown): number | undefined {
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return undefined;
  const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("latin1", 0, 16);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
  return status === undefined ? undefined : Number(status);
}

function refuse(socket: Duplex, decision: Refused | Answered): void {
  const { status, headers, body } = rendering(decision);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  socket.end(body, () => socket.destroy());
}
