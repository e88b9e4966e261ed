/**
 * `l8nt/a2a`: a remote agent is paid by whoever sends it a message, and no credential of the
 * sender's goes there. docs/guides/agents/a2a.md.
 */
import {
  ClientFactory,
  type ClientFactoryOptions,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client";
import type { User } from "@a2a-js/sdk/server";
import { sigilFetch } from "../agents/current.ts";
import type { SigilHandle } from "../agents/handle.ts";
import type { Grant } from "../service/index.ts";

export interface SigilClientsOptions
  extends Pick<ClientFactoryOptions, "clientConfig" | "preferredTransports"> {
  /** Whether agents that speak A2A 0.3 are spoken to as well. */
  readonly legacyCompat?: { readonly enabled: boolean };
}

/**
 * Makes clients of remote agents, over JSON-RPC and HTTP+JSON: cards, messages and streams are all
 * fetched, and paid for, by this handle; by the one whose tool it is that sends, where none is
 * given.
 *
 * @example
 * const translator = await sigilClients(handle.forAgent("translator")).createFromUrl("https://translator.example");
 */
export function sigilClients(
  handle?: Pick<SigilHandle, "fetch">,
  { legacyCompat, ...options }: SigilClientsOptions = {},
): ClientFactory {
  const over = {
    fetchImpl: handle?.fetch ?? sigilFetch,
    ...(legacyCompat !== undefined && { legacyCompat }),
  };
  return new ClientFactory({
    ...options,
    transports: [new JsonRpcTransportFactory(over), new RestTransportFactory(over)],
    cardResolver: new DefaultAgentCardResolver(over),
  });
}

/**
 * The SDK's `userBuilder` behind the paywall: one user a payment, so that nobody else sees what was
 * asked for with it. Without one the SDK keeps the tasks of all callers in one place.
 *
 * @example
 * app.use("/a2a", paid(paywall, { price: "10 sat" }), jsonRpcHandler({ requestHandler, userBuilder: payingUser }));
 */
export const payingUser = async (request: {
  readonly grant?: Grant | undefined;
}): Promise<User> => {
  const { nodeId, paymentHash } = request.grant ?? {};
  const userName = paymentHash ?? nodeId ?? "";
  return { isAuthenticated: userName !== "", userName };
};
