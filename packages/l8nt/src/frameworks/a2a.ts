/**
 * `l8nt/a2a`: A2A. The agent that sends a message to a remote agent pays for it, and none of its
 * credentials go there. docs/guides/agents/a2a.md.
 */
import {
  type ClientFactoryOptions,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client";
import type { User } from "@a2a-js/sdk/server";
import { currentHandle } from "../agents/current.ts";
import { noHandle, type SigilHandle } from "../agents/handle.ts";
import { turn } from "../agents/turn.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Grant } from "../service/index.ts";

export interface A2aOptions
  extends Pick<ClientFactoryOptions, "clientConfig" | "preferredTransports"> {
  /** Whether the clients also speak A2A 0.3. @default { enabled: false } */
  readonly legacyCompat?: { readonly enabled: boolean };
}

const OPTIONS = {
  clientConfig: true,
  preferredTransports: true,
  legacyCompat: true,
} satisfies Keys<A2aOptions>;

/**
 * Returns the options of a `ClientFactory` whose clients, over JSON-RPC and HTTP+JSON, fetch cards,
 * messages and streams as a handle, and pay for them.
 *
 * @param handle to pay with. If left out, or if an agent below it runs, the agent that runs pays
 * @throws TypeError for an unknown option
 * @example
 * const clients = new ClientFactory(withSigil({}, handle.forAgent("translator")));
 * const translator = await clients.createFromUrl("https://translator.example");
 */
export function withSigil(options: A2aOptions = {}, handle?: SigilHandle): ClientFactoryOptions {
  checkKeys(options, OPTIONS, "an A2A client factory");
  const { legacyCompat, ...own } = options;
  const over = {
    fetchImpl: fetchAs(handle),
    ...(legacyCompat !== undefined && { legacyCompat }),
  };
  return {
    ...own,
    transports: [new JsonRpcTransportFactory(over), new RestTransportFactory(over)],
    cardResolver: new DefaultAgentCardResolver(over),
  };
}

const fetchAs =
  (given: SigilHandle | undefined): typeof fetch =>
  async (input, init) => {
    const handle = turn({ given, around: currentHandle() });
    if (handle === undefined) throw noHandle();
    return handle.fetch(input, init);
  };

/**
 * The SDK's `userBuilder` behind a paywall. Each payment is a user of its own, so that no other
 * client sees what was asked with it. The SDK's default gives all clients one user.
 *
 * @example
 * const handler = jsonRpcHandler({ requestHandler, userBuilder: payingUser });
 * app.use("/a2a", paid(paywall, { price: "10 sat" }), handler);
 */
export const payingUser = async (request: {
  readonly grant?: Grant | undefined;
}): Promise<User> => {
  const { nodeId, paymentHash } = request.grant ?? {};
  const userName = paymentHash ?? nodeId ?? "";
  return { isAuthenticated: userName !== "", userName };
};
