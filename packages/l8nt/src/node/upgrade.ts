/** The paywall before an upgrade of the protocol, such as to WebSocket. spec/3-challenge.md §5. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { rendering } from "../service/answered.ts";
import type { Answered, Grant, Granted, Paywall, Refused, Terms } from "../service/index.ts";
import { endSocketWithCredential } from "./ended.ts";
import { isUpgrade, NodeFacts } from "./facts.ts";
import { onFirstStatus, settle } from "./settlement.ts";
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
      endSocketWithCredential(socket, decision);
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

/**
 * Tells the operator once of a server whose upgrades pass by the paywall.
 *
 * @param routed how many listeners hand upgrades to the routes of the framework
 */
export function watchUpgrades(paywall: Paywall, incoming: IncomingMessage, routed = 0): void {
  if (told.has(paywall) || guarding.has(paywall)) return;
  // One that a framework has routed to the paywall.
  if (isUpgrade(incoming)) {
    guarding.add(paywall);
    return;
  }
  const { server } = incoming.socket as { server?: { listenerCount?(name: string): number } };
  if (!((server?.listenerCount?.("upgrade") ?? 0) > routed)) return;
  told.add(paywall);
  console.error(OPEN_UPGRADES);
}

const OPEN_UPGRADES =
  "l8nt: this server has a listener of `upgrade`, which no paywall stands before: unless it hands each request to the routes of a framework, as @hono/node-server and @hono/node-ws do, a WebSocket is served unpaid, whatever its path. Put paidUpgrade() of l8nt/node before that listener, or serve free WebSockets from another server.";

/** Ends the claim by the status line that is sent first. */
function settleByFirstBytes(socket: Duplex, granted: Granted): void {
  let open = true;
  const settleOnce = (status: number | undefined): void => {
    if (!open) return;
    open = false;
    void settle(granted, status);
  };
  let sent: number | undefined;
  onFirstStatus(socket, (status) => {
    if (!open) return;
    sent = status;
    if (granted.endsBy !== "end") settleOnce(status);
  });
  socket.once("close", () => settleOnce(sent));
}

/**
 * For a framework that answers a refused upgrade with its status alone, as @hono/node-ws does:
 * sends the whole refusal in the place of that.
 */
export function refuseInstead(socket: Duplex, decision: Refused | Answered): void {
  const { end } = socket;
  socket.end = (): Duplex => {
    socket.end = end;
    refuse(socket, decision);
    return socket;
  };
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
