import { defineConfig } from "vitest/config";

const fromSource = {
  resolve: { conditions: ["l8nt-source"] },
  ssr: { resolve: { conditions: ["l8nt-source"], externalConditions: ["l8nt-source"] } },
};
const test = { testTimeout: 60_000, hookTimeout: 60_000 };

/** What needs Go is run by `npm run test:interop` alone. */
export default defineConfig({
  test: {
    projects: [
      {
        ...fromSource,
        test: {
          ...test,
          name: "library",
          include: ["test/interop/{credential,grpc,invoice,macaroon,proxy,purchase}.interop.ts"],
        },
      },
      {
        ...fromSource,
        // One network of real nodes, for what needs one.
        test: {
          ...test,
          name: "lnd",
          include: ["test/interop/node.interop.ts"],
          globalSetup: ["test/lnd/support/setup.ts"],
        },
      },
    ],
  },
});
