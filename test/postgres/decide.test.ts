/** Decision services as processes on one database. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Minter } from "l8nt/l402";
import pg from "pg";
import { expect, inject, onTestFinished, test } from "vitest";
import { freePort } from "../e2e/support/free-port.ts";
import { ended, spawned } from "../e2e/support/sigil.ts";
import { Line } from "./support/line.ts";

const SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
const LOCATION = "https://api.example";

test("two that share a database count one budget, want one secret, and deny what is counted without it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-decides-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const database = `decides_${process.pid}`;
  const client = new pg.Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  await client.query(`CREATE DATABASE ${database}`).finally(() => client.end());
  const line = await Line.open(inject("postgresUrl"), database);
  onTestFinished(() => line.close());
  const run = async (name: string, secret: string) => {
    const port = await freePort();
    const file = join(folder, `${name}.yaml`);
    writeFileSync(
      file,
      `proxy: nginx
location: ${LOCATION}
listen: { port: ${port} }
dir: ${name}
store: "env:DATABASE_URL"
secret: "env:SIGIL_SECRET"
routes:
  - { match: "GET /status", access: free }
  - { match: "GET /v1/**", access: credential, price: "0.01 usd" }
`,
    );
    const child = spawned(["gateway", "decide", "--json", "--config", file], {
      DATABASE_URL: line.url,
      SIGIL_SECRET: secret,
    });
    const end = ended(child);
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await end;
    });
    return { child, end, url: `http://127.0.0.1:${port}/decide` };
  };
  const start = async (name: string) => {
    const { child, end, url } = await run(name, SECRET);
    let document = "";
    for await (const text of createInterface({ input: child.stdout })) {
      document += text;
      if (text === "}") break;
    }
    if (document === "") throw new Error((await end).stderr);
    return async (target: string, key?: string) =>
      (
        await fetch(url, {
          headers: {
            ...{ "x-original-method": "GET", "x-original-uri": target },
            ...(key !== undefined && { authorization: `Bearer ${key}` }),
          },
        })
      ).status;
  };
  const [one, two] = [await start("one"), await start("two")];
  const key = new Minter({ secret: SECRET, location: LOCATION, kind: "access" })
    .mint({ endpoints: [`* ${LOCATION}/**`], expiresIn: "1h", budget: ["0.02 usd"] })
    .toKey();
  expect([await one("/v1/a", key), await two("/v1/a", key)]).toEqual([200, 200]);
  expect([await one("/v1/a", key), await two("/v1/a", key)]).toEqual([403, 403]);
  const other = await run("three", SECRET.replace("8", "9"));
  const { stdout, stderr } = await other.end;
  expect(stdout + stderr).toContain("copy the file secret");
  line.cut();
  expect(await one("/v1/a", key)).not.toBe(200);
  expect(await one("/status")).toBe(200);
});
