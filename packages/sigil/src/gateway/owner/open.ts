/** What the owner of a running gateway has: the socket for commands, and alerts. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Served } from "l8nt/node";
import type { AlertsContext } from "../alerts/open.ts";
import { openAlerts } from "../alerts/open.ts";
import type { AlertsConfig } from "../config/alerts.ts";
import type { Observer } from "../observer.ts";
import { Agents } from "./agents.ts";
import { OWNER_SOCKET, type OwnerApiOptions, serveOwner } from "./api.ts";
import { Owner } from "./owner.ts";

export interface Owned {
  /** Watch the gateway's requests. */
  readonly observers: readonly Observer[];
  close(): Promise<void>;
}

export interface OwnedContext extends AlertsContext {
  /** The node of the key that the gateway printed, if it prints one. */
  readonly printed?: () => string | undefined;
}

export async function openOwned(config: AlertsConfig, context: OwnedContext): Promise<Owned> {
  const { services, store, dir, clock, alarm, printed = () => undefined } = context;
  const { alerts, feed } = await openAlerts(config, context);
  const agents = new Agents();
  const owner = new Owner({ services, ledger: store, agents, clock, printed });
  const served = await listen(join(dir, OWNER_SOCKET), { owner, alerts: feed, alarm });
  return {
    observers: [agents, alerts],
    async close() {
      await alerts.stop();
      await served?.close();
    },
  };
}

/** @throws nothing: without the socket the gateway serves, and its owner is told */
async function listen(socket: string, options: OwnerApiOptions): Promise<Served | undefined> {
  try {
    // Of a gateway that died: the folder is this one's, so none uses it.
    rmSync(socket, { force: true });
    return await serveOwner(socket, options);
  } catch (error) {
    options.alarm(
      "owner.sock cannot be made in the folder of --dir (is its path longer than 100 characters?), so sigil gateway revoke, freeze, thaw and topup do not reach this gateway",
      error,
    );
    return undefined;
  }
}
