/** Any API behind one key: a flat price for each request, or only a credential. */
import { problemDialect } from "./dialects/problem.ts";
import type { Preset } from "./preset.ts";

export const generic: Preset = {
  name: "generic",
  origin: undefined,
  keyPlace: { kind: "bearer" },
  credentialPlaces: ["bearer", { header: "x-api-key" }, { header: "api-key" }],
  dialect: problemDialect,
  routes: [{ method: "*", path: "/**", capability: "call", meter: "flat" }],
};
