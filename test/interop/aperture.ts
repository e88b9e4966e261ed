/**
 * aperture, the program: a reverse proxy that asks for L402s, with an lnd node behind it that makes
 * its invoices.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { freePort } from "../e2e/support/free-port.ts";
import type { LndNode } from "../lnd/support/node.ts";
import { Program, until } from "../lnd/support/program.ts";

export const PRICE_SAT = 10;
const START_SECONDS = 20;

export interface ApertureOptions {
  readonly binary: string;
  /** Empty, and aperture's own. */
  readonly folder: string;
  /** Gets the payments. */
  readonly node: LndNode;
  /** `127.0.0.1:PORT` of the API behind it. */
  readonly address: string;
}

export class Aperture {
  readonly url: string;
  readonly #program: Program;

  private constructor(url: string, program: Program) {
    this.url = url;
    this.#program = program;
  }

  static async start({ binary, folder, node, address }: ApertureOptions): Promise<Aperture> {
    mkdirSync(folder, { recursive: true });
    const listen = `127.0.0.1:${await freePort()}`;
    // YAML, of which JSON is a part.
    const config = {
      listenaddr: listen,
      insecure: true,
      // At "debug" it writes credentials into its log.
      debuglevel: "info",
      authenticator: {
        network: "regtest",
        lndhost: `127.0.0.1:${node.facts.ports.rpc}`,
        tlspath: node.certPath,
        macdir: dirname(node.macaroonPath("invoice")),
      },
      dbbackend: "sqlite",
      services: [
        {
          name: "weather",
          hostregexp: ".*",
          pathregexp: "^/.*$",
          address,
          protocol: "http",
          auth: "on",
          price: PRICE_SAT,
          capabilities: "forecast",
          timeout: 3600,
        },
      ],
    };
    const file = join(folder, "aperture.yaml");
    writeFileSync(file, JSON.stringify(config));
    const program = new Program("aperture", join(folder, "aperture.out"));
    // The database's path is read from the command line alone, whatever aperture's sample
    // configuration says.
    const database = `--sqlite.dbfile=${join(folder, "aperture.db")}`;
    program.start(binary, [`--configfile=${file}`, `--basedir=${folder}`, database]);
    const url = `http://${listen}`;
    const look = async () => {
      program.demandRunning();
      return fetch(url, { method: "OPTIONS" });
    };
    try {
      await until("aperture's start", look, START_SECONDS);
    } catch (error) {
      await program.stop();
      throw error;
    }
    return new Aperture(url, program);
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
