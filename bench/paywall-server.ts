/**
 * One process with the same Hono route twice: bare, and behind a paywall. Prints its URL and a
 * credential, and serves until it is ended.
 */
import { randomBytes } from "node:crypto";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { paid } from "l8nt/hono";
import { Authority } from "l8nt/l402";
import { Paywall } from "l8nt/service";
import { freePort } from "../test/e2e/support/free-port.ts";

const port = await freePort();
const location = `http://127.0.0.1:${port}`;
const authority = new Authority({ secret: randomBytes(32), location });
const paywall = new Paywall({ authority });

const app = new Hono();
app.get("/bare", (c) => c.json({ weather: "sunny" }));
app.get("/paid", paid(paywall), (c) => c.json({ weather: "sunny" }));

const credential = (maxUses?: number): string =>
  authority.minter
    .mint({
      endpoints: [`GET ${location}/paid`],
      expiresIn: "1h",
      ...(maxUses !== undefined && { maxUses }),
    })
    .toString();

const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, () => {
  process.stdout.write(
    `${JSON.stringify({ url: location, warm: credential(), counted: credential(1_000_000_000) })}\n`,
  );
});
process.on("disconnect", () => server.close());
