/** The chain under the nodes: btcd on regtest, which mines when it is told to. */
import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { nodeFetch } from "../../../packages/l8nt/src/http/node-fetch.ts";
import { Program, until } from "./program.ts";

const HOME = join(userInfo().homedir, ".btcd");
const USER = "sigil";
const PASSWORD = "regtest";

export class Btcd {
  readonly #program: Program;
  readonly #folder: string;
  readonly #rpc: number;
  readonly #hadHome = existsSync(HOME);
  readonly #start: (miningAddress: string | undefined) => void;

  constructor(
    folder: string,
    binary: string,
    ports: { readonly rpc: number; readonly peer: number },
  ) {
    this.#folder = join(folder, "btcd");
    this.#rpc = ports.rpc;
    this.#program = new Program("btcd", join(folder, "btcd.log"));
    const args = [
      "--regtest",
      "--txindex",
      "--nodnsseed",
      `--configfile=${join(this.#folder, "none.conf")}`,
      `--datadir=${join(this.#folder, "data")}`,
      `--logdir=${join(this.#folder, "logs")}`,
      `--rpccert=${this.certPath}`,
      `--rpckey=${join(this.#folder, "rpc.key")}`,
      `--rpcuser=${USER}`,
      `--rpcpass=${PASSWORD}`,
      `--rpclisten=127.0.0.1:${ports.rpc}`,
      `--listen=127.0.0.1:${ports.peer}`,
    ];
    this.#start = (address) =>
      this.#program.start(
        binary,
        address === undefined ? args : [...args, `--miningaddr=${address}`],
      );
  }

  get certPath(): string {
    return join(this.#folder, "rpc.cert");
  }

  /** What lnd needs to know of it. */
  get lndArgs(): readonly string[] {
    return [
      "--bitcoin.node=btcd",
      `--btcd.rpchost=127.0.0.1:${this.#rpc}`,
      `--btcd.rpcuser=${USER}`,
      `--btcd.rpcpass=${PASSWORD}`,
      `--btcd.rpccert=${this.certPath}`,
    ];
  }

  /** It takes the address that it mines to at its start alone. */
  async start(miningAddress?: string): Promise<void> {
    this.#start(miningAddress);
    await until("btcd's start", async () => {
      this.#program.demandRunning();
      return this.#call("getblockcount", []);
    });
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    // btcd makes this folder whatever it is told; one with anything in it is somebody's, and stays.
    if (!this.#hadHome && existsSync(HOME) && readdirSync(HOME).length === 0) rmdirSync(HOME);
  }

  async mine(blocks: number): Promise<void> {
    await this.#call("generate", [blocks]);
  }

  async height(): Promise<number> {
    return (await this.#call("getblockcount", [])).result as number;
  }

  async #call(method: string, params: readonly unknown[]): Promise<{ readonly result: unknown }> {
    const send = nodeFetch({ ca: readFileSync(this.certPath, "utf8") });
    const response = await send(`https://127.0.0.1:${this.#rpc}`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${USER}:${PASSWORD}`)}` },
      body: JSON.stringify({ jsonrpc: "1.0", id: 1, method, params }),
    });
    const answer = (await response.json()) as { result: unknown; error: unknown };
    if (answer.error !== null) throw new Error(`btcd refused ${method}`);
    return { result: answer.result };
  }
}
