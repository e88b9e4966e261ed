/**
 * The owner of a treasury gets in while agents flood it: a socket of the owner's own, and
 * descriptors that agents cannot use up. spec/4-purchase.md §7.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Credential } from "l8nt";
import { socketFetch } from "l8nt/node";
import { DevNetwork } from "l8nt/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { site } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { childEnv } from "./support/child-env.ts";
import { freePort } from "./support/free-port.ts";
import { daemon, sigil } from "./support/sigil.ts";

const MAIN = join(import.meta.dirname, "../../packages/sigil/src/main.ts");

async function stage() {
  const folder = mkdtempSync(join(tmpdir(), "sigil-owner-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dir = join(folder, "treasury");
  const location = `http://127.0.0.1:${await freePort()}`;
  const init = ["treasury", "init", "--dir", dir, "--location", location, "--budget", "100 sat"];
  expect(await sigil(init)).toMatchObject({ code: 0 });
  const net = await DevNetwork.start({});
  onTestFinished(() => net.stop());
  const wallet = net.account("treasury", { balanceMsat: 1_000_000_000n }).url;
  const agent = Credential.parse(readFileSync(join(dir, "agent.credential"), "utf8").trim());
  return { dir, location, wallet, agent };
}

/** The treasury as a process that may open so many files. */
async function daemonWith(descriptors: number, dir: string, wallet: string): Promise<void> {
  const node = [process.execPath, "--conditions=l8nt-source", "--no-warnings", MAIN];
  const start = ["treasury", "start", "--dir", dir, "--allow-loopback", "--json"];
  const limited = `ulimit -n ${descriptors} && exec "$@"`;
  const child = spawn("/bin/sh", ["-c", limited, "sh", ...node, ...start], {
    env: childEnv({ SIGIL_WALLET: wallet }),
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
  });
  for await (const line of createInterface({ input: child.stdout })) if (line === "}") return;
  throw new Error("the treasury did not start");
}

/** Orders over a connection of its own. Resolves with the status; undefined without an answer. */
const order = (location: string, credential: Credential, url: string) =>
  new Promise<number | undefined>((resolve) => {
    const outgoing = request(
      `${location}/v1/purchases`,
      { method: "POST", headers: { authorization: `L402 ${credential}` }, agent: new Agent() },
      (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode);
      },
    );
    outgoing.on("error", () => resolve(undefined));
    outgoing.end(JSON.stringify({ id: crypto.randomUUID(), method: "GET", url }));
    onTestFinished(() => void outgoing.destroy());
  });

test("with 256 descriptors and 600 hanging orders of one agent, the owner sees, freezes and revokes, and another agent is served", async () => {
  const { dir, location, wallet, agent } = await stage();
  let hanging = 0;
  const { url } = await site(({ target }, response) => {
    if (target === "/free") return response.end("free");
    return hanging++;
  });
  await daemonWith(256, dir, wallet);
  const evil = agent.delegate({ agent: "evil" });
  const good = agent.delegate({ agent: "good" });
  const standing = await fetch(`${location}/v1/credential`, {
    headers: { authorization: `L402 ${evil}` },
  });
  const { nodes } = (await standing.json()) as {
    readonly nodes: readonly { readonly id: string }[];
  };
  const node = nodes.at(-1)?.id;
  const statuses: (number | undefined)[] = [];
  for (let at = 0; at < 600; at++)
    void order(location, evil, `${url}/${at}`).then((status) => statuses.push(status));
  // A quarter of the 48 orders that are under way at most hangs; the others are answered or cut.
  await vi.waitUntil(() => statuses.length === 588 && hanging === 12, {
    timeout: 60_000,
    interval: 50,
  });
  expect(new Set(statuses)).toEqual(new Set([429, undefined]));

  for (const command of [
    ["tree"],
    ["freeze", "--reason", "a flood"],
    ["thaw"],
    ["revoke", node!],
  ]) {
    const began = performance.now();
    expect(await sigil([...command, "--dir", dir]), command[0]).toMatchObject({ code: 0 });
    expect(performance.now() - began, command[0]).toBeLessThan(1000);
  }
  expect(await order(location, good, `${url}/free`)).toBe(200);
});

test("owner.sock is this user's alone, answers only the owner, and is gone after a stop", async () => {
  const { dir, location, wallet, agent } = await stage();
  const socket = join(dir, "owner.sock");
  const first = await daemon(dir, wallet);
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  const overSocket = socketFetch(socket);
  const authorization = `L402 ${agent}`;
  for (const path of ["/v1/tree", "/v1/credential", "/.well-known/l402"])
    expect((await overSocket(location + path, { headers: { authorization } })).status).toBe(404);
  const asAgent = await overSocket(`${location}/v1/owner/tree`, { headers: { authorization } });
  expect(asAgent.status).toBe(401);
  expect(await sigil(["tree", "--dir", dir])).toMatchObject({ code: 0 });
  expect(await first.stop()).toBe(0);
  expect(existsSync(socket)).toBe(false);
});

test("a treasury that was killed leaves its socket: commands say that it does not run, and the next start takes it", async () => {
  const { dir, wallet } = await stage();
  const first = await daemon(dir, wallet);
  first.child.kill("SIGKILL");
  await once(first.child, "close");
  expect(existsSync(join(dir, "owner.sock"))).toBe(true);
  expect((await sigil(["tree", "--dir", dir])).stderr).toContain("cannot be reached");
  await daemon(dir, wallet);
  expect(await sigil(["tree", "--dir", dir])).toMatchObject({ code: 0 });
});
