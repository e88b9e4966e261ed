/** How many source files of the library a request, a purchase and a revocation run through. */
import { randomBytes } from "node:crypto";
import { Session } from "node:inspector/promises";
import { Hono } from "hono";
import { paid } from "l8nt/hono";
import { Paywall } from "l8nt/service";
import { devTown } from "l8nt/testing";
import { type Figure, plain } from "./figure.ts";

/** Backends and stand-ins: which of them a walk meets depends on the scene. */
const NOT_COUNTED = /l8nt\/src\/(?:testing|wallets|stores)\//;

interface Ran {
  readonly functionName: string;
  readonly ranges: readonly { readonly count: number }[];
}

export async function walks(progress: (text: string) => void): Promise<Figure[]> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await using town = await devTown({ price: "10 sat", grants: { uses: 5 } });
  const paywall = new Paywall({ secret: randomBytes(32), location: "http://a.test" });
  const app = new Hono().get("/forecast", paid(paywall, {}), (c) => c.json({ tokyo: "sunny" }));
  const scope = { endpoints: ["GET http://a.test/**"], maxUses: 9, expiresIn: "1h" } as const;
  const figures: Figure[] = [];

  async function walk(name: string, work: () => Promise<unknown>): Promise<void> {
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    await session.post("Profiler.takePreciseCoverage");
    await work();
    const { result } = await session.post("Profiler.takePreciseCoverage");
    await session.post("Profiler.stopPreciseCoverage");
    const ran = ({ functionName, ranges: [whole] }: Ran) => functionName !== "" && whole!.count > 0;
    const files = result.filter(
      ({ url, functions }) =>
        /l8nt\/src\//.test(url) && !NOT_COUNTED.test(url) && functions.some(ran),
    );
    progress(
      `walks: ${name}: ${files.map(({ url }) => url.replace(/.*l8nt\/src\//, "")).join(" ")}`,
    );
    figures.push(plain(name, files.length, "files", "the source files in which a function ran"));
  }

  const asked = async (authorization: string) => {
    const response = await app.request("http://a.test/forecast", { headers: { authorization } });
    if (response.status !== 200) throw new Error(`the bench's request got ${response.status}`);
  };
  const header = () => `L402 ${paywall.authority.minter.mint(scope)}`;
  await asked(header());
  const [cold, known] = [header(), header()];
  await asked(known);
  await walk("a request with a credential that is new to the paywall", () => asked(cold));
  await walk("a request with a credential that the paywall knows", () => asked(known));
  await walk("a purchase, from the client to the answer", async () => {
    const response = await town.client.get(`${town.shop.url}/forecast`);
    if (response.status !== 200) throw new Error(`the bench's purchase got ${response.status}`);
  });
  const child = town.client.delegate({ agent: "child", budget: "100 sat", expiresIn: "10m" });
  await town.connect(child).get(`${town.shop.url}/forecast`);
  await walk("a revocation by a holder", () => town.client.revoke(child));
  session.disconnect();
  return figures;
}
