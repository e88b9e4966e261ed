/** Process of the demo's service: a weather API with forecasts for 10 sat, an archive for 40. */
import { Hono } from "hono";
import { paid, wellKnown } from "l8nt/hono";
import { serve } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { say } from "./stage.ts";

const { SIGIL_SECRET = "", SIGIL_WALLET = "" } = process.env;

const app = new Hono();
const { url } = await serve((request) => app.fetch(request));
const paywall = new Paywall({
  secret: SIGIL_SECRET,
  location: url,
  invoicer: devWallet(SIGIL_WALLET),
});

app.use(wellKnown(paywall));
app.get("/forecast", paid(paywall, { price: "10 sat" }), (c) =>
  c.json(forecast(c.req.query("city") ?? "Tokyo")),
);
app.get("/archive/:year", paid(paywall, { price: "40 sat" }), (c) =>
  c.json({ summary: c.req.param("year") }),
);

say({ url });

function forecast(city: string): { city: string; summary: string } {
  const skies = ["clear sky", "light rain", "sun and clouds", "fresh wind"];
  const seed = [...city].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  return {
    city,
    summary: `${city} tomorrow: ${14 + (seed % 14)} °C, ${skies[seed % skies.length]}`,
  };
}
