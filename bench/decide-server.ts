/** The processes of the bench of decisions: one that always says yes, and the decision service. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Authority } from "l8nt/l402";
import { Paywall } from "l8nt/service";
import { MemoryStore } from "l8nt/stores/memory";
import { decide } from "../packages/sigil/src/gateway/config/decide.ts";
import { ClientAddresses } from "../packages/sigil/src/gateway/core/client-address.ts";
import { listen } from "../packages/sigil/src/gateway/core/server.ts";
import { Decider } from "../packages/sigil/src/gateway/decide/decider.ts";
import { DecideServer } from "../packages/sigil/src/gateway/decide/server.ts";

export type DecideKind = "yes" | "decide";

const LOCATION = "https://api.example";

async function start(kind: DecideKind): Promise<object> {
  if (kind === "yes") {
    const server = createServer({ keepAliveTimeout: 600_000 }, (_, outgoing) =>
      outgoing.writeHead(200, { "content-length": 0 }).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }
  const store = new MemoryStore();
  const alarm = (): void => {};
  const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
  const authority = new Authority({ secret, location: LOCATION });
  const paywall = new Paywall({ authority, store, alarm, revocations: { store } });
  const { routes } = decide.parse({
    ...{ proxy: "nginx", location: LOCATION },
    routes: [{ match: "* /**" }],
  });
  const decider = new Decider(paywall, routes);
  const server = new DecideServer({
    ...{ decider, alarm, observers: [], proxy: "nginx" },
    clock: () => Date.now() / 1000,
    clients: new ClientAddresses(),
  });
  const { url } = await listen(server.serve);
  const key = (maxUses?: number) =>
    authority.minter
      .mint({ endpoints: [`* ${LOCATION}/**`], expiresIn: "1d", ...(maxUses && { maxUses }) })
      .delegate({ agent: "scout" })
      .toKey();
  return { url, key: key(), counted: key(10_000_000) };
}

process.send!(await start(process.argv[2] as DecideKind));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!({ answer: user + system });
});
process.on("disconnect", () => process.exit());
