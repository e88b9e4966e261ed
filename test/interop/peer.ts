/** Other people's code, asked: one question a line to the programs of this folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

export type Fields = Readonly<Record<string, readonly string[]>>;

/** A credential as aperture read it. Bytes are in hex. */
export interface Read {
  readonly macaroon: string;
  readonly preimage: string;
  readonly location: string;
  readonly version: number;
  readonly paymentHash: string;
  readonly tokenId: string;
  readonly caveats: readonly string[];
}

export interface Bought {
  readonly status: number;
  readonly body: string;
  /** What each request presented, in order. */
  readonly sent: readonly Readonly<Record<string, string>>[];
}

/** A gRPC call of aperture's client, and how it ended in gRPC's terms. */
export interface Called {
  readonly messages: readonly string[];
  readonly code: string;
  readonly message: string;
}

export interface Call {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** `/package.Service/Method`. */
  readonly method: string;
  /** Of the answers. @default false */
  readonly stream?: boolean;
  /** Of the tokens. */
  readonly folder: string;
}

/** A service in aperture's own configuration, by JSON. */
export interface ServiceConfig {
  readonly name: string;
  readonly pathregexp: string;
  /** `127.0.0.1:PORT` of the API behind it. */
  readonly address: string;
  /** `on`, `off`, or `freebie N`. */
  readonly auth: string;
  readonly price?: number;
  readonly capabilities?: string;
  /** Seconds. */
  readonly timeout?: number;
  readonly dynamicprice?: { readonly enabled: true };
}

export interface Front {
  readonly services: readonly ServiceConfig[];
  /** Where it gets its invoices: `GET ?sat=N` answers `{ invoice, paymentHash }`. */
  readonly invoices: string;
  /** IP addresses. */
  readonly blocklist?: readonly string[];
  /** Of dynamic services, in sat by path. */
  readonly prices?: Readonly<Record<string, number>>;
  /** How long ago it started. @default 0 */
  readonly ageSeconds?: number;
}

/** What a macaroon is made of; bytes in hex. */
export interface Recipe {
  readonly identifier: string;
  readonly location: string;
  readonly caveats: readonly string[];
}

type Question = Readonly<Record<string, unknown>>;

/** Paths of the programs, as main.ts sets them. */
const VARIABLES = { go: "SIGIL_INTEROP_PEER", rust: "SIGIL_INTEROP_RUST" } as const;
export type Language = keyof typeof VARIABLES;

const binaryOf = (language: Language): string | undefined =>
  process.env[VARIABLES[language]] || undefined;

/** Whether its program was built on this machine. */
export const isBuilt = (language: Language): boolean => binaryOf(language) !== undefined;

export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Ends with its test. The one in Rust knows macaroons alone. */
  static start(language: Language = "go"): Peer {
    const binary = binaryOf(language);
    if (binary === undefined) throw new Error("run it through npm run test:interop");
    const child = spawn(binary, { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => {
      child.stdin.end();
    });
    return new Peer(child);
  }

  /** What `l402.FromHeader` makes of these fields. */
  read(header: Fields): Promise<Read> {
    return this.#ask({ do: "read", header }) as Promise<Read>;
  }

  /** What `zpay32.Decode` makes of an invoice. Rejects with what it says. */
  readInvoice(invoice: string): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask({ do: "read invoice", invoice }) as Promise<Record<string, unknown>>;
  }

  /** An invoice that `zpay32` writes. */
  async writeInvoice(wish: Readonly<Record<string, unknown>>): Promise<string> {
    return ((await this.#ask({ do: "write invoice", ...wish })) as { invoice: string }).invoice;
  }

  /** The fields that `l402.SetHeader` writes. */
  async write(macaroon: string, preimage: string): Promise<Fields> {
    return ((await this.#ask({ do: "write", macaroon, preimage })) as { header: Fields }).header;
  }

  /** A macaroon after `l402.AddFirstPartyCaveats`. */
  async narrow(macaroon: string, ...caveats: string[]): Promise<string> {
    return ((await this.#ask({ do: "narrow", macaroon, caveats })) as { macaroon: string })
      .macaroon;
  }

  /** `mint.VerifyL402` under a root key. Rejects with what it says. */
  async verify(header: Fields, rootKey: string, service: string): Promise<void> {
    await this.#ask({ do: "verify", header, rootKey, service });
  }

  /** The fields of `auth.L402Authenticator`'s challenge. */
  async challenge(invoice: string, paymentHash: string, service: string): Promise<Fields> {
    return (
      (await this.#ask({ do: "challenge", invoice, paymentHash, service })) as { header: Fields }
    ).header;
  }

  /** What `auth.L402Authenticator` says of a request for a service. */
  async accepts(header: Fields, service: string): Promise<boolean> {
    return ((await this.#ask({ do: "accept", header, service })) as { ok: boolean }).ok;
  }

  /**
   * `l402.ClientInterceptor` asks for `url`, with its tokens in `folder`.
   *
   * @param body posted as JSON; undefined for a GET
   */
  buy(
    url: string,
    folder: string,
    pay: (invoice: string) => Promise<string>,
    body?: object,
  ): Promise<Bought> {
    const posted = body === undefined ? {} : { body: JSON.stringify(body) };
    return this.#ask({ do: "buy", url, folder, ...posted }, pay) as Promise<Bought>;
  }

  /** `l402.ClientInterceptor` makes a gRPC call, with a message that says "tokyo". */
  call({ address, ...call }: Call, pay: (invoice: string) => Promise<string>): Promise<Called> {
    return this.#ask({ do: "call", url: address, ...call }, pay) as Promise<Called>;
  }

  /** Starts `proxy.Proxy`; resolves with its address. */
  async front(front: Front): Promise<string> {
    return ((await this.#ask({ do: "front", ...front })) as { address: string }).address;
  }

  /** V2 packets in hex, as its library mints them. */
  async mintMacaroons(rootKey: string, recipes: readonly Recipe[]): Promise<string[]> {
    const answer = await this.#ask({ do: "mint macaroons", rootKey, recipes });
    return (answer as { packets: string[] }).packets;
  }

  /** Of each packet, why its library refuses it; "" if it holds. Its caveats are not judged. */
  async verifyMacaroons(rootKey: string, packets: readonly string[]): Promise<string[]> {
    const answer = await this.#ask({ do: "verify macaroons", rootKey, packets });
    return (answer as { refusals: string[] }).refusals;
  }

  #ask(question: Question, pay?: (invoice: string) => Promise<string>): Promise<unknown> {
    const answer = this.#turn.then(() => this.#exchange(question, pay));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  async #exchange(line: Question, pay?: (invoice: string) => Promise<string>): Promise<unknown> {
    this.#child.stdin!.write(`${JSON.stringify(line)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the peer ended");
    const answer = JSON.parse(value) as { readonly error?: string; readonly pay?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    if (answer.pay === undefined || pay === undefined) return answer;
    return this.#exchange({ preimage: await pay(answer.pay) });
  }
}
