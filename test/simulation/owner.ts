/** The treasury's owner: freezes, thaws, revokes, allows, and asks how the books stand. */
import { SigilError } from "l8nt";
import type { Treasury } from "l8nt/treasury";
import type { Deed } from "./facts.ts";
import type { House } from "./house.ts";
import { acting } from "./schedule.ts";
import type { Town } from "./town.ts";

export class OwnerAtWork {
  readonly #town: Town;
  readonly #house: House;
  isDone = false;
  isClosing = false;

  constructor(town: Town, house: House) {
    this.#town = town;
    this.#house = house;
  }

  async live(): Promise<void> {
    const { schedule, random } = this.#town;
    for (let left = random.below(8); left > 0 && !this.isClosing; left--) {
      await schedule.turn("the owner thinks", { seconds: random.between(0, 120) });
      await this.#act();
    }
    this.isDone = true;
  }

  async #act(): Promise<void> {
    const { random, oracle, schedule } = this.#town;
    const agent = random.pick(oracle.agents);
    switch (random.below(6)) {
      case 0:
        return this.do("freezes everything", async ({ owner }) => {
          await owner.freeze();
          oracle.frozenAt ??= schedule.now;
        });
      case 1:
        return this.do(`freezes ${agent.name}`, async ({ owner }) => {
          await owner.freeze(agent.id);
          agent.frozenAt ??= schedule.now;
        });
      case 2:
        if (agent.parent === undefined) return this.thaw();
        return this.do(`revokes ${agent.name}`, async ({ owner }, deed) => {
          await owner.revoke(agent.id);
          agent.revoked ??= { at: schedule.now, unrecalled: deed.unrecalled };
        });
      case 3:
        return this.do("reconciles", ({ owner }) => owner.reconcile());
      default:
        return this.thaw();
    }
  }

  /** Everything and everyone: it takes effect before it is told to be done. */
  async thaw(): Promise<void> {
    const { oracle } = this.#town;
    oracle.frozenAt = undefined;
    await this.do("thaws everything", ({ owner }) => owner.thaw());
    await this.do("explains payments", async ({ owner }) => {
      for (const { paymentHash, why } of await owner.unexplained()) {
        const payer = oracle.payments.find((one) => one.paymentHash === paymentHash)?.deed?.agent;
        await owner.explain(
          paymentHash,
          why === "late"
            ? { as: "late" }
            : payer === undefined
              ? { as: "own" }
              : { as: "node", nodeId: payer.id },
        );
      }
      oracle.frozenAt = undefined;
    });
    for (const agent of oracle.agents)
      if (agent.frozenAt !== undefined) {
        agent.frozenAt = undefined;
        await this.do(`thaws ${agent.name}`, ({ owner }) => owner.thaw(agent.id));
      }
  }

  async do(
    what: string,
    work: (treasury: Treasury, deed: Deed) => Promise<unknown>,
  ): Promise<void> {
    const { oracle, schedule } = this.#town;
    const deed = oracle.begin("owner", undefined, what);
    await acting.run(deed, async () => {
      try {
        await this.#house.ask((treasury) => work(treasury, deed));
        schedule.note("is done");
      } catch (error) {
        deed.isFaulted = true;
        schedule.note(
          `is told ${error instanceof SigilError ? error.code : (error as Error).message}`,
        );
        const isExpected =
          error instanceof SigilError || /^the treasury/.test((error as Error).message);
        oracle.demand(isExpected, `${deed} threw ${String(error)}`);
      }
    });
    deed.endedAt = schedule.now;
  }
}
