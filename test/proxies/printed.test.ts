/** What the documentation prints is what the tests run. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KEY_FIELDS } from "../../packages/sigil/src/gateway/credential/place.ts";
import { FACT_FIELDS } from "../../packages/sigil/src/gateway/decide/server.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe.each([
  ["examples/decide", "docs/guides/decide-only.md"],
  ["examples/gateway", "docs/guides/gateway-service.md"],
])("%s", (folder, page) => {
  test.each(readdirSync(join(root, folder)))("%s is printed as it is", (name) => {
    expect(read(page)).toContain(`\n${read(join(folder, name))}\`\`\`\n`);
  });
});

test.each(["nginx.conf", "Caddyfile", "traefik-sigil.yml", "envoy.yaml"])(
  "%s names every field of a credential and of a fact",
  (name) => {
    const text = read(join("examples/decide", name)).toLowerCase();
    // No decision reads a credential in it, and a WebSocket needs it.
    for (const field of [...KEY_FIELDS, ...FACT_FIELDS])
      if (field !== "sec-websocket-protocol") expect(text).toContain(field);
  },
);
