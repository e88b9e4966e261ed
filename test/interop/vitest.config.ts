import { defineConfig } from "vitest/config";

/** What needs Go is run by `npm run test:interop` alone. */
export default defineConfig({
  resolve: { conditions: ["l8nt-source"] },
  ssr: { resolve: { conditions: ["l8nt-source"], externalConditions: ["l8nt-source"] } },
  test: { include: ["test/interop/*.interop.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
});
