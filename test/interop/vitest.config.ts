import { defineConfig } from "vitest/config";

const fromSource = {
  resolve: { conditions: ["l8nt-source"] },
  ssr: { resolve: { conditions: ["l8nt-source"], externalConditions: ["l8nt-source"] } },
};
const test = { testTimeout: 60_000, hookTimeout: 60_000 };

/** What needs Go or Rust is run by `npm run test:interop` alone. */
export default defineConfig({
  test: {
    projects: [
      {
        ...fromSource,
        test: {
          ...test,
          name: "library",
          include: ["test/interop/{credential,gateway,grpc,invoice,proxy,purchase}.interop.ts"],
        },
      },
      {
        ...fromSource,
        // With whichever of the two languages is there.
        test: { ...test, name: "macaroons", include: ["test/interop/macaroon.interop.ts"] },
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
