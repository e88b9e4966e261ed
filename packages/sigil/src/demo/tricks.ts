/**
 * The attempts of an agent that tries to exceed its scope: first through its own client, which
 * denies them offline, and then by requests without the client, which the treasury and the service
 * deny. An agent can always avoid its own client, so only the latter denials protect.
 */
import { Client, Credential, explain, type Refusal } from "l8nt";
import { compileScope } from "l8nt/caveats";
import { macaroonOf } from "l8nt/l402";
import { PURCHASES_PATH } from "l8nt/treasury";
import type { AmountJson } from "../amounts.ts";
import { type Meter, type Outcome, pathOf, visit } from "./outcome.ts";

interface Target {
  /** URL that the agent may request. */
  readonly job: string;
  /** URL that it may not request. */
  readonly archive: string;
}

/** Caveats that allow more, which has no effect when they are appended. */
const LAXER = compileScope(
  {
    endpoints: ["* http://127.0.0.1:*/**"],
    expiresAt: new Date("2100-01-01T00:00:00Z"),
    budget: "1000000 sat",
    maxPrice: "1000000 sat",
  },
  { now: 0 },
);

export class Tricks {
  readonly #client: Client;
  readonly #meter: Meter;
  /** The credential for the service that the treasury handed over, within this agent's scope. */
  #handed: Credential | undefined;

  constructor(client: Client, meter: Meter) {
    this.#client = client;
    this.#meter = meter;
  }

  get #own(): Credential {
    return this.#client.credential;
  }

  async trespass({ job, archive }: Target): Promise<Outcome[]> {
    return [
      await visit(this.#client, this.#meter, archive),
      await this.#purchase(this.#own, job, "buy one more forecast by hand, which it may"),
      await this.#purchase(this.#own, archive, `have the treasury buy ${pathOf(archive)}`),
      await this.#request(
        this.#handed,
        archive,
        `take the credential it bought to ${pathOf(archive)}`,
      ),
    ];
  }

  async widen({ archive }: Target): Promise<Outcome[]> {
    const wider = this.#own.append(LAXER);
    const widerHanded = this.#handed?.append([LAXER[0]!]);
    return [
      await visit(
        new Client({ credential: wider, fetch: this.#meter.fetch }),
        this.#meter,
        archive,
        "append laxer caveats: every endpoint, more money",
      ),
      await this.#purchase(wider, archive, "the same, by hand to the treasury"),
      await this.#purchase(withoutLast(this.#own), archive, "strip the last caveat"),
      await this.#purchase(
        withMoreBudget(this.#own),
        archive,
        "rewrite the budget: 40 sat becomes 4,000",
      ),
      await this.#request(
        widerHanded,
        archive,
        "append a laxer caveat to the service's credential",
      ),
      await this.#request(
        this.#handed && withoutLast(this.#handed),
        archive,
        "strip its last caveat",
      ),
    ];
  }

  async overspend({ job }: Target): Promise<Outcome[]> {
    const handed = [
      await this.#request(this.#handed, job, "use the credential it bought"),
      await this.#request(this.#handed, job, "use it a second time, without paying"),
    ];
    const bought: Outcome[] = [];
    // Bounded, in case that no request is denied.
    while (bought.length < 10 && bought.at(-1)?.granted !== false)
      bought.push(await visit(this.#client, this.#meter, job, "buy another forecast"));
    const wider = this.#own.append(LAXER);
    return [
      ...handed,
      ...bought,
      await this.#purchase(this.#own, job, "the same, by hand to the treasury"),
      await this.#purchase(wider, job, "with the bigger budget that it wrote itself"),
    ];
  }

  /** Tries everything again after the revocation. */
  async retry({ job }: Target): Promise<Outcome[]> {
    return [
      await visit(this.#client, this.#meter, job, "its next request"),
      await this.#purchase(this.#own, job, "by hand to the treasury"),
      await this.#request(this.#handed, job, "by hand to the service, with what it was handed"),
    ];
  }

  /** Asks the treasury to buy, without the client. */
  async #purchase(credential: Credential, url: string, what: string): Promise<Outcome> {
    const response = await fetch(`${this.#own.location}${PURCHASES_PATH}`, {
      method: "POST",
      headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
      // The client names an answered order only with its next one. An order that is not named hands
      // over what was paid for before, and buys nothing.
      body: JSON.stringify({
        id: crypto.randomUUID(),
        method: "GET",
        url,
        answered: [...this.#meter.orders],
      }),
    });
    if (!response.ok) return denied(response, what, "treasury");
    const { credential: handed, payment } = (await response.json()) as {
      credential?: string;
      payment?: { amount: AmountJson; fee: AmountJson };
    };
    if (handed !== undefined) this.#handed = Credential.parse(handed);
    return {
      what,
      by: "treasury",
      granted: true,
      status: response.status,
      ...(payment !== undefined && {
        paid: { amount: payment.amount, fee: payment.fee },
      }),
    };
  }

  /** Asks the service, without the client. */
  async #request(credential: Credential | undefined, url: string, what: string): Promise<Outcome> {
    const response = await fetch(url, {
      headers: credential === undefined ? {} : { authorization: `L402 ${credential}` },
    });
    if (!response.ok) return denied(response, what, "service");
    const { summary } = (await response.json()) as { summary: string };
    return { what, by: "service", granted: true, status: response.status, answer: summary };
  }
}

async function denied(response: Response, what: string, by: Outcome["by"]): Promise<Outcome> {
  const { code, detail, refusals } = (await response.json()) as {
    code: string;
    detail: string;
    refusals?: Refusal[];
  };
  const reasons = refusals?.map(explain) ?? [detail];
  return { what, by, granted: false, status: response.status, code, reasons };
}

/** Other caveats under the old signature: a holder can write them, but cannot sign them. */
function tampered(
  credential: Credential,
  change: (caveats: readonly string[]) => readonly string[],
): Credential {
  const macaroon = macaroonOf(credential);
  const texts = macaroon.caveats.map((caveat) => new TextDecoder().decode(caveat));
  const caveats = change(texts).map((text) => new TextEncoder().encode(text));
  const [, preimage = ""] = credential.toString().split(":");
  return Credential.paid({ ...macaroon, caveats }, preimage);
}

const withoutLast = (credential: Credential): Credential =>
  tampered(credential, (caveats) => caveats.slice(0, -1));

const withMoreBudget = (credential: Credential): Credential => {
  const [held, wanted] = [
    compileScope({ budget: "40 sat" }, { now: 0 }),
    compileScope({ budget: "4000 sat" }, { now: 0 }),
  ];
  return tampered(credential, (caveats) =>
    caveats.map((caveat) => (held.includes(caveat) ? wanted[0]! : caveat)),
  );
};
