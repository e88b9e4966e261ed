/** One lnd node of the test's network: its process, and its REST API under the admin's macaroon. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { nodeFetch } from "../../../packages/l8nt/src/http/node-fetch.ts";
import { Program, until } from "./program.ts";

export interface NodePorts {
  readonly rest: number;
  readonly rpc: number;
  readonly peer: number;
}

/** What another process needs to know of a node to use it. */
export interface NodeFacts {
  readonly name: string;
  readonly folder: string;
  readonly ports: NodePorts;
  readonly publicKey: string;
  readonly pid: number;
}

/** A node that runs, no matter who started it. */
export class LndNode {
  readonly facts: NodeFacts;
  #fetch: typeof fetch | undefined;

  constructor(facts: NodeFacts) {
    this.facts = facts;
  }

  get folder(): string {
    return this.facts.folder;
  }

  get publicKey(): string {
    return this.facts.publicKey;
  }

  get certPath(): string {
    return join(this.folder, "tls.cert");
  }

  /** `admin`, `invoice` and `readonly`, as lnd bakes them itself. */
  macaroonPath(name: string): string {
    return join(this.folder, "data/chain/bitcoin/regtest", `${name}.macaroon`);
  }

  get restUrl(): string {
    return `https://127.0.0.1:${this.facts.ports.rest}`;
  }

  /** @param macaroon a path, hex or base64 @param port of whatever stands before the node */
  walletUrl(macaroon: string, port = this.facts.ports.rest): string {
    return `lnd+https://127.0.0.1:${port}?macaroon=${encodeURIComponent(macaroon)}&cert=${encodeURIComponent(this.certPath)}`;
  }

  /** Stops it in its tracks: what it has to answer stays unanswered until `resume`. */
  pause(): void {
    process.kill(this.facts.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.facts.pid, "SIGCONT");
  }

  // biome-ignore lint/suspicious/noExplicitAny: lnd's answers, as its documentation lists them
  get(path: string): Promise<any> {
    return this.#ask(path);
  }

  // biome-ignore lint/suspicious/noExplicitAny: lnd's answers, as its documentation lists them
  post(path: string, body: object): Promise<any> {
    return this.#ask(path, body);
  }

  /** The lines of a call that streams. */
  async lines(path: string, body: object): Promise<readonly string[]> {
    return (await (await this.#send(path, body)).text()).trim().split("\n");
  }

  async #send(path: string, body?: object): Promise<Response> {
    this.#fetch ??= nodeFetch({ ca: readFileSync(this.certPath, "utf8") });
    try {
      return await this.#fetch(this.restUrl + path, {
        method: body === undefined ? "GET" : "POST",
        headers: this.#authorization,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(20_000),
      });
    } catch (error) {
      // lnd writes its certificate at its first start: half of it may have been read.
      this.#fetch = undefined;
      throw error;
    }
  }

  async #ask(path: string, body?: object): Promise<unknown> {
    const response = await this.#send(path, body);
    const answer = (await response.json()) as { message?: string };
    if (response.status !== 200)
      throw new Error(`${this.facts.name} answered ${path}: ${answer.message}`);
    return answer;
  }

  /** None for a node that has no wallet yet. */
  get #authorization(): Record<string, string> {
    const path = this.macaroonPath("admin");
    return existsSync(path) ? { "grpc-metadata-macaroon": readFileSync(path).toString("hex") } : {};
  }

  /** A macaroon that may call these methods and nothing else. Hex. */
  async bake(...methods: readonly string[]): Promise<string> {
    const permissions = methods.map((action) => ({ entity: "uri", action }));
    return (await this.post("/v1/macaroon", { permissions })).macaroon;
  }

  async spendableMsat(): Promise<bigint> {
    return BigInt((await this.get("/v1/balance/channels")).local_balance.msat);
  }

  /** Those that were begun, whatever became of them. */
  async payments(): Promise<
    readonly { payment_hash: string; status: string; value_msat: string; fee_msat: string }[]
  > {
    return (await this.get("/v1/payments?include_incomplete=true")).payments;
  }
}

/** A node's process. */
export class LndProcess {
  readonly #program: Program;
  readonly #lnd: string;
  readonly #args: readonly string[];
  readonly #facts: Omit<NodeFacts, "publicKey" | "pid">;

  constructor(
    name: string,
    folder: string,
    ports: NodePorts,
    lnd: string,
    args: readonly string[],
  ) {
    this.#facts = { name, ports, folder: join(folder, name) };
    this.#program = new Program(name, join(folder, `${name}.log`));
    this.#lnd = lnd;
    this.#args = [
      ...args,
      `--lnddir=${this.#facts.folder}`,
      `--alias=${name}`,
      `--rpclisten=127.0.0.1:${ports.rpc}`,
      `--restlisten=127.0.0.1:${ports.rest}`,
      `--listen=127.0.0.1:${ports.peer}`,
    ];
  }

  /** Resolves once it answers; one that has a password answers only what needs no macaroon. */
  async start(): Promise<LndNode> {
    this.#program.start(this.#lnd, this.#args);
    const node = new LndNode({ ...this.#facts, publicKey: "", pid: this.#program.pid });
    const look = async () => {
      this.#program.demandRunning();
      return node.get(this.#hasNoPassword ? "/v1/getinfo" : "/v1/state");
    };
    const { identity_pubkey: publicKey = "" } = await until(`${this.#facts.name}'s start`, look);
    return new LndNode({ ...node.facts, publicKey });
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }

  get #hasNoPassword(): boolean {
    return this.#args.includes("--noseedbackup");
  }
}
