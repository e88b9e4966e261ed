/** What the laws of a paywall share: a world with a paywall behind real sockets. */
import assert from "node:assert/strict";
import type { Amount } from "../amount.ts";
import type { Reservation, ReserveAnswer, Resolution } from "../ports/ledger.ts";
import {
  type GivenHeaders,
  type Grant,
  Paywall,
  type PaywallOptions,
  type Terms,
} from "../service/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "./fake-invoicer.ts";
import { exchange, open, type RawRequest, type RawResponse } from "./raw-http.ts";
import type { TestFunction } from "./wallet-contract.ts";

/** A protected route: an adapter registers it behind its framework's `paid`. */
export interface ContractRoute {
  readonly method: "GET" | "POST";
  /** An exact path, or everything below it if it ends in `/*`. */
  readonly path: string;
  readonly terms: Terms;
  /** Terms of a second `paid`, between the first one and the handler. */
  readonly second?: Terms | undefined;
  /**
   * What the handler does; it may throw at once, or later.
   *
   * @param fields every way in which the framework shows a handler the fields of the request
   */
  readonly handle: (
    grant: Grant,
    body: () => Promise<string>,
    fields?: () => readonly GivenHeaders[],
  ) => Reply | Promise<Reply>;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
  /** Where the handler closes the connection, instead of answering in full. */
  readonly cut?: "before the head" | "inside of the body";
}

export interface PaywallHost {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

export interface PaywallContract {
  readonly name: string;
  /**
   * Whether a handler can close the connection before it has answered.
   *
   * @default true
   */
  readonly closesConnections?: boolean;
  /** Serves the routes and the well-known path on loopback. */
  start(paywall: Paywall, routes: readonly ContractRoute[]): Promise<PaywallHost>;
}

/** Not the address that the host listens at: only the paywall's own location counts. */
export const LOCATION = "https://api.example";
export const SECRET = "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4";
export const START = 1_900_000_000;

/** Records what is claimed, and how each claim ends. */
export class WatchedStore extends MemoryStore {
  readonly reserved: string[] = [];
  readonly ended: string[] = [];
  fault = false;

  override async reserve(reservation: Reservation): Promise<ReserveAnswer> {
    if (this.fault) throw new Error("disk I/O error at /var/lib/secret.db");
    const answer = await super.reserve(reservation);
    if (answer.reserved) this.reserved.push(reservation.id);
    return answer;
  }

  override async commit(id: string, amount: Amount, at: number): Promise<Resolution> {
    this.ended.push(`commit ${id}`);
    return super.commit(id, amount, at);
  }

  override async release(id: string, at: number): Promise<Resolution> {
    this.ended.push(`release ${id}`);
    return super.release(id, at);
  }
}

export interface World {
  readonly paywall: Paywall;
  readonly invoicer: FakeInvoicer;
  readonly store: WatchedStore;
  readonly time: { now: number };
  /** What reached the handlers. */
  readonly grants: Grant[];
  ask(
    target: string,
    credentials?: readonly string[],
    more?: Partial<RawRequest>,
  ): Promise<RawResponse>;
  open(target: string, credential: string): ReturnType<typeof open>;
  /** Asks, pays, and returns the credential. */
  buy(target: string, more?: Partial<RawRequest>): Promise<string>;
}

export type RouteTerms = Terms & Partial<Omit<ContractRoute, "terms">>;

export const present = (credential: string): readonly [string, string] => [
  "authorization",
  `L402 ${credential}`,
];

/** The text of a credential, with bytes of its macaroon changed. */
function tamper(credential: string, change: (packet: Buffer) => void): string {
  const [macaroon = "", preimage = ""] = credential.split(":");
  const packet = Buffer.from(macaroon, "base64");
  change(packet);
  return `${packet.toString("base64")}:${preimage}`;
}

/** Fields without a paid credential of this service, by what is wrong with each. */
export const worthless = (genuine: string): readonly (readonly [what: string, field: string])[] => {
  const [macaroon = ""] = genuine.split(":");
  const flip = (at: number) =>
    tamper(genuine, (packet) => packet.writeUInt8(packet.at(at)! ^ 1, packet.length + at));
  return [
    ["a flipped signature", `L402 ${flip(-1)}`],
    ["a flipped first byte of the signature", `L402 ${flip(-32)}`],
    ["a flipped caveat", `L402 ${flip(-40)}`],
    ["the preimage of nothing", `L402 ${macaroon}:${"00".repeat(32)}`],
    ["a wrong preimage", `L402 ${macaroon}:${"ab".repeat(32)}`],
    ["a preimage of 63 digits", `L402 ${macaroon}:${"ab".repeat(31)}a`],
    ["a preimage that is not hex", `L402 ${macaroon}:${"zz".repeat(32)}`],
    ["no preimage", `L402 ${macaroon}:`],
    ["no colon", `L402 ${macaroon}`],
    ["no macaroon", `L402 :${"ab".repeat(32)}`],
    ["half a macaroon", `L402 ${macaroon.slice(0, 80)}:${"ab".repeat(32)}`],
    ["garbage", "L402 %%%"],
    ["the scheme alone", "L402 "],
    ["more than a credential may be", `L402 ${"A".repeat(9000)}:${"ab".repeat(32)}`],
  ];
};

/** Registers one law, with the routes that it needs. */
export type PaywallLaw = (
  title: string,
  routes: RouteTerms | readonly RouteTerms[],
  body: (world: World) => Promise<void>,
  options?: Partial<PaywallOptions>,
) => void;

type Build = (
  routes: readonly RouteTerms[],
  options?: Partial<PaywallOptions>,
) => Promise<{ readonly host: PaywallHost; readonly world: World }>;

export interface PaywallLaws {
  readonly contract: PaywallContract;
  readonly law: PaywallLaw;
  readonly build: Build;
}

/** The laws of one subject, registered with a test runner under the contract's name. */
export function lawsOf(
  subject: string,
  test: TestFunction,
  contract: PaywallContract,
): PaywallLaws {
  const { name, start } = contract;
  const build: Build = async (routes, options = {}) => {
    const time = { now: START };
    const invoicer = new FakeInvoicer(() => time.now);
    const store = new WatchedStore();
    const grants: Grant[] = [];
    const paywall = new Paywall({
      secret: SECRET,
      location: LOCATION,
      invoicer,
      store,
      clock: () => time.now,
      challengesPerMinute: { perClient: 100_000, total: 100_000 },
      // What goes wrong here is meant to.
      alarm: () => {},
      ...options,
    });
    const host = await start(
      paywall,
      routes.map(({ method = "GET", path = "/paid", handle, second, ...terms }) => ({
        method,
        path,
        terms,
        second,
        handle: (grant, body, fields) => {
          grants.push(grant);
          return handle === undefined
            ? { status: 200, body: "sunny" }
            : handle(grant, body, fields);
        },
      })),
    );
    const ask: World["ask"] = (target, credentials = [], more = {}) =>
      exchange(host.url, {
        target,
        ...more,
        fields: [...credentials.map(present), ...(more.fields ?? [])],
      });
    const world: World = {
      ...{ paywall, invoicer, store, time, grants, ask },
      open: (target, credential) => open(host.url, { target, fields: [present(credential)] }),
      buy: async (target, more) => {
        const response = await ask(target, [], more);
        assert.equal(response.status, 402, response.body);
        return invoicer.buy(response.lines("www-authenticate"));
      },
    };
    return { host, world };
  };

  const law: PaywallLaw = (title, routes, body, options) =>
    test(`${name}, ${subject}: ${title}`, async () => {
      const { host, world } = await build([routes].flat(), options);
      try {
        await body(world);
      } finally {
        await host.close();
      }
    });
  return { contract, law, build };
}
