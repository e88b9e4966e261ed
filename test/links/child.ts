/**
 * A process of the table: an agent, a treasury, or a server on a pipe. It waits for its orders, so
 * that it is warm when it is needed.
 */
import { openSqliteStore } from "l8nt/stores/sqlite";
import { type Agent, type AgentOrders, type Outcome, openAgent } from "./agent.ts";
import { Gateway, type GatewayOrders } from "./gateway.ts";
import { servePipe } from "./pipe.ts";
import { type Books, openTreasury, type RunningTreasury, type TreasuryOrders } from "./treasury.ts";

export type ToChild =
  | { readonly be: "agent"; readonly orders: AgentOrders }
  | {
      readonly be: "treasury";
      readonly orders: TreasuryOrders;
      readonly database: string;
      readonly point: string | undefined;
    }
  | { readonly be: "gateway"; readonly orders: GatewayOrders }
  | { readonly giveUp: true }
  | { readonly hasBroken: true }
  | { readonly ask: number; readonly thing: string; readonly key: string | undefined }
  | { readonly books: string }
  | { readonly revoke: string }
  | { readonly close: true };

export type FromChild =
  | { readonly ready: string }
  | { readonly told: number; readonly outcome: Outcome }
  | { readonly books: Books }
  | { readonly revoked: true }
  | { readonly gaveUp: true }
  | { readonly broke: boolean }
  | { readonly alarm: string }
  | { readonly closed: true };

const say = (message: FromChild): void => void process.send?.(message);
const alarm = (what: string): void => say({ alarm: what });
/** The first pass of its point kills the process. */
const killer =
  (point: string | undefined) =>
  (place: string): void => {
    if (place === point) process.kill(process.pid, "SIGKILL");
  };

let agent: Agent | undefined;
let treasury: RunningTreasury | undefined;
let gateway: Gateway | undefined;

async function obey(message: ToChild): Promise<void> {
  if ("be" in message && message.be === "agent") {
    agent = await openAgent(message.orders, { alarm, pass: killer(message.orders.point) });
    say({ ready: "" });
  } else if ("be" in message && message.be === "gateway") {
    gateway = await Gateway.open(message.orders);
    say({ ready: gateway.url });
  } else if ("be" in message) {
    const store = await openSqliteStore(message.database);
    treasury = await openTreasury(message.orders, store, { alarm, pass: killer(message.point) });
    say({ ready: treasury.url });
  } else if ("ask" in message) {
    const { ask, thing, key } = message;
    say({ told: ask, outcome: await agent!.ask({ thing, key }) });
  } else if ("giveUp" in message) {
    await gateway!.giveUp();
    say({ gaveUp: true });
  } else if ("hasBroken" in message) say({ broke: gateway!.hasBroken });
  else if ("revoke" in message) {
    await treasury!.revoke(message.revoke);
    say({ revoked: true });
  } else if ("books" in message) say({ books: await treasury!.books(message.books) });
  else {
    await agent?.close();
    say({ closed: true });
    process.exit();
  }
}

if (process.argv[2] === "pipe") await servePipe(process.env);
else {
  process.on("message", (message) => void obey(message as ToChild));
  process.on("disconnect", () => process.exit());
}
