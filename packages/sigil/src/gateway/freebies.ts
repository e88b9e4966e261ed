/** Requests that each address has without a credential, counted in the books. */
import { randomUUID } from "node:crypto";
import { isIPv6 } from "node:net";
import { msat } from "l8nt/invoice";
import type { Ledger } from "l8nt/ports";
import { noFreeRequest } from "./denials.ts";
import type { Rule } from "./routes.ts";

const DAY_SECONDS = 86_400;

export class Freebies {
  readonly #ledger: Ledger;
  readonly #clock: () => number;

  constructor(ledger: Ledger, clock: () => number) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /**
   * Uses one up, whatever becomes of it.
   *
   * @throws Denied if the address has had all of its requests of the last 24 hours
   */
  async take(
    { name }: { readonly name: string },
    { path, freePerDay = 0 }: Pick<Rule, "path" | "freePerDay">,
    address: string | undefined,
  ): Promise<void> {
    const at = this.#clock();
    const id = `freebie.${randomUUID()}`;
    const none = msat(0n);
    const answer = await this.#ledger.reserve({
      ...{ id, at, uses: 1n, amount: none },
      counted: [
        {
          kind: "uses",
          id: `freebie ${name} ${path} ${clientOf(address)}`,
          max: BigInt(freePerDay),
          windowSeconds: DAY_SECONDS,
          expiresAt: at + DAY_SECONDS,
        },
      ],
    });
    if (!answer.reserved) throw noFreeRequest(freePerDay);
    await this.#ledger.commit(id, none, at);
  }
}

/** An IPv4 address, or the /64 that one subscriber has of IPv6. */
export function clientOf(address = "unknown"): string {
  const [plain = ""] = address.split("%");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined || !isIPv6(plain)) return mapped ?? plain;
  const [head = "", tail] = new URL(`http://[${plain}]/`).hostname.slice(1, -1).split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(tail === undefined ? 0 : 8 - before.length - after.length).fill("0");
  return `${[...before, ...zeros, ...after].slice(0, 4).join(":")}/64`;
}
