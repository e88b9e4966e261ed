/**
 * A treasury as a process that mints for a service which trusts it: from `sigil keys new` to a
 * SIGKILL and a restart, and the configurations that it refuses.
 */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Credential } from "l8nt";
import { KEYS_PATH, KeyRing } from "l8nt/biscuit";
import { paid, wellKnown } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";
import { devWallet } from "l8nt/wallets/dev";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { freePort } from "./support/free-port.ts";
import { daemon, sigil } from "./support/sigil.ts";

const SECRET = "5f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

async function stage() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-minting-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dir = join(folder, "treasury");
  const keysFile = join(folder, "keys.json");
  const location = `http://127.0.0.1:${await freePort()}`;
  const init = ["treasury", "init", "--dir", dir, "--location", location, "--budget", "100 sat"];
  expect(await sigil(init)).toMatchObject({ code: 0 });
  const made = await sigil(["keys", "new", "--issuer", location, "--keys", keysFile]);
  expect(made).toMatchObject({ code: 0 });
  const net = await DevNetwork.start({});
  onTestFinished(() => net.stop());
  const wallet = net.account("treasury", { balanceMsat: 1_000_000_000n }).url;
  net.account("shop", { balanceMsat: 0n });
  const shown: string[] = [];
  const url = await listen((own) => {
    const paywall = new Paywall({
      secret: SECRET,
      location: own,
      invoicer: devWallet(net.account("shop").invoiceOnlyUrl),
      trust: [location],
      alarm: () => {},
    });
    const front = wellKnown(
      paywall,
      paid(paywall, { price: "10 sat" }, (_request, response) => void response.end("sunny")),
    );
    return (request, response) => {
      const { authorization } = request.headers;
      if (authorization !== undefined) shown.push(authorization);
      front(request, response);
    };
  });
  const config = join(dir, "config.json");
  const written = JSON.parse(readFileSync(config, "utf8")) as object;
  const configure = (mints: unknown) =>
    writeFileSync(config, JSON.stringify({ ...written, mints }));
  const agent = Credential.parse(readFileSync(join(dir, "agent.credential"), "utf8").trim());
  return { dir, keysFile, location, net, wallet, url, shown, configure, agent };
}

test("it publishes its keys, mints, survives a SIGKILL, and then ends what it had minted before", async () => {
  const { dir, keysFile, location, net, wallet, url, shown, configure, agent } = await stage();
  configure({ keysFile, services: [url] });
  const first = await daemon(dir, wallet);
  const page = await fetch(location + KEYS_PATH, { headers: { host: "another.example" } });
  expect(page.headers.get("cache-control")).toBe("max-age=300");
  expect(page.headers.get("content-type")).toBe("application/json");
  const text = await page.text();
  expect(text).toBe(KeyRing.parse(readFileSync(keysFile, "utf8")).page());
  expect((await fetch(location + KEYS_PATH, { method: "POST" })).status).not.toBe(200);

  const [scout, other] = ["scout", "other"].map((name) => agent.delegate({ agent: name }));
  for (const credential of [scout!, other!])
    expect(await (await new Client({ credential }).get(`${url}/a`)).text()).toBe("sunny");
  expect(net.payments()).toEqual([]);
  expect(first.printed() + (await sigil(["journal", "--dir", dir])).stdout).toMatch(
    /minted for http:\/\/127\.0\.0\.1:\d+: node [0-9a-f]{32}, grant [0-9a-f]{64}, nothing paid/,
  );
  first.child.kill("SIGKILL");
  await once(first.child, "close");

  const second = await daemon(dir, wallet);
  expect(await sigil(["revoke", "scout", "--dir", dir])).toMatchObject({
    stdout: expect.stringContaining("1 service confirmed it."),
  });
  const [ofScout, ofOther] = await Promise.all(
    shown
      .slice(0, 2)
      .map((authorization) =>
        fetch(`${url}/a`, { headers: { authorization, prefer: "no-invoice" } }),
      ),
  );
  expect(ofScout!.status).toBe(402);
  expect(((await ofScout!.json()) as { code: string }).code).toBe("ERR_REVOKED");
  expect(ofOther!.status).toBe(200);
  expect(await second.stop()).toBe(0);
});

test("a configuration that cannot work is refused before anything is opened", async () => {
  const { dir, keysFile, wallet, url, configure } = await stage();
  const start = () =>
    sigil(["treasury", "start", "--dir", dir, "--allow-loopback"], { SIGIL_WALLET: wallet });
  for (const [mints, message] of [
    [[], "mints must be an object"],
    [{ services: [url] }, "keysFile of mints"],
    [{ keysFile, service: [url] }, 'unknown key "service"'],
    [{ keysFile: join(dir, "none.json"), services: [url] }, "The keysFile of mints does not exist"],
    [{ keysFile: join(dir, "config.json"), services: [url] }, "has an unknown member"],
    [{ keysFile, services: [] }, "`services` of `mints`"],
    [{ keysFile, services: [url, `${url}/api`] }, "names two services"],
    [{ keysFile, services: ["http://api.example"] }, "plain HTTP"],
    [{ keysFile, services: ["api.example"] }, "must be its location"],
    [{ keysFile, services: [url], payIfRefused: "yes" }, "`payIfRefused` of `mints`"],
  ] as const) {
    configure(mints);
    const { code, stderr } = await start();
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  }
});
