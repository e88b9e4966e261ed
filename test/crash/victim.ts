/**
 * The treasury that is killed: the daemon's `runTreasury` with kill points around its ports.
 * `argv[2]` has its orders in JSON. It sends `ready` with the audit of its store once it serves.
 */
import { openWallet } from "l8nt";
import { serve } from "l8nt/node";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { auditLedger, guardedFetch } from "l8nt/treasury";
import { logger } from "../../packages/sigil/src/treasury/log.ts";
import { runTreasury } from "../../packages/sigil/src/treasury/run.ts";

export interface Orders {
  readonly database: string;
  readonly location: string;
  readonly wallet: string;
  /** Hex. */
  readonly secret: string;
  /** The point, such as `store.settle after`, whose `nth` pass kills the process. */
  readonly point?: string;
  readonly nth: number;
}

const {
  database,
  location,
  wallet: walletUrl,
  secret,
  point,
  nth,
} = JSON.parse(process.argv[2]!) as Orders;
let left = nth;

function pass(place: string): void {
  if (place === point && --left === 0) process.kill(process.pid, "SIGKILL");
}

/** Wraps methods so that each call passes a point before and a point after. */
function mined<Port extends object>(name: string, port: Port): Port {
  return new Proxy(port, {
    get(target, member) {
      const value: unknown = Reflect.get(target, member);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        pass(`${name}.${String(member)} before`);
        const answer: unknown = Reflect.apply(value, target, args);
        if (!(answer instanceof Promise)) return answer;
        return answer.finally(() => pass(`${name}.${String(member)} after`));
      };
    },
  });
}

const store = mined("store", await openSqliteStore(database));
const bytes = Buffer.from(secret, "hex");
const running = await runTreasury({
  config: {
    location,
    limits: { maxFirstPayment: "10000 sat" },
  },
  secrets: { root: bytes.subarray(0, 32), receipts: bytes.subarray(32, 64) },
  store,
  wallet: async () => mined("wallet", { ...(await openWallet(walletUrl)) }),
  fetch: mined("web", { fetch: guardedFetch({ allowLoopback: true }) }).fetch,
  log: logger("silent", process.stderr),
});
const { faults } = await auditLedger(store);
const open = (await store.openPayments()).length;
await serve(running.handler, { port: Number(new URL(location).port), origin: location });
process.send!({ faults, open });
process.on("disconnect", () => process.exit());
