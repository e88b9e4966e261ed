/** How the link of each row breaks: events decide, at the wallet, the service, or the proxy. */
import type { Agent, Outcome } from "./agent.ts";
import { type Closing, isOwnTreasury, type Row } from "./cells.ts";
import type { AgentProcess } from "./processes.ts";
import { THING, type Visit } from "./shop.ts";
import type { Town } from "./town.ts";

/** The agent's first request. */
export interface First {
  readonly agent: Agent;
  /** Ends the request as the agent's own time-out does. */
  readonly abort: () => void;
  /** What the agent is told. */
  readonly told: Promise<Outcome>;
}

/** What holds until the break is over; `undo` makes the link whole again. */
export interface Break {
  /** Whether the link ever broke. */
  readonly happened: () => boolean;
  readonly undo: () => void;
  /**
   * Resolves once what goes on behind the break is over: a payment that the agent's own process
   * began, or the work of a service whose gateway gave up.
   */
  readonly arrived: () => Promise<void>;
  /** Ends what waited for somebody to ask again. */
  readonly end: () => Promise<void>;
}

/** Arms the break of a cell. `first` resolves once the request is under way. */
export function arm(town: Town, first: Promise<First>): Break {
  const { row, mode, served, again } = town.cell;
  const isServed = served !== "not served";
  const state = { hasHappened: false };
  let arrived = async () => {
    if (isOwnTreasury(mode) && row.at === "agent dies") await over;
  };
  let end = async () => {};
  let over = Promise.resolve();
  const happened = () => {
    state.hasHappened = true;
  };
  const isMine = ({ thing }: { readonly thing: string }) => thing === THING;
  /** At the next paid request for the thing, before it is looked at. */
  const atService = (act: (visit: Visit) => Promise<void>) => {
    let isOver = false;
    town.shop.plan = (visit) => {
      if (isOver || !isMine(visit)) return {};
      isOver = true;
      const once = async () => {
        happened();
        await act(visit);
      };
      return isServed
        ? {
            answered: async () => {
              await once();
              return undefined;
            },
          }
        : // A server on a pipe does not learn in time that nobody waits; it fails by itself.
          { arrived: once, ...(mode === "mcp-pipe" && { use: "released" as const }) };
    };
  };
  /**
   * The agent's next request at the treasury, of the same order or of another; what the agent is
   * told, if it makes none.
   */
  const noticed = async () => {
    const next = town.link.arrival();
    const { told } = await first;
    await (again === "never" ? Promise.race([next, told]) : next);
  };
  const duringPayment = (act: () => Promise<void>) =>
    town.wallet.next(async (exchange) => {
      happened();
      let isOver = () => {};
      over = new Promise((resolve) => {
        isOver = resolve;
      });
      await act();
      const answer = await exchange.forward({ outlives: true });
      isOver();
      if (answer === undefined) exchange.reset();
      else await exchange.pass(answer);
    });
  const killAgent = async (visit?: Visit) => {
    await ((await first).agent as AgentProcess).process.kill();
    // The connection of a dead process closes a moment later.
    if (mode === "embedded") await visit?.gone;
  };
  const timeOut = async () => {
    const { abort, told } = await first;
    abort();
    await told;
  };

  switch (row.at) {
    case "agent dies":
      if (row.when === "before")
        // The first time the agent is asked for payment, the second time its treasury is.
        town.shop.onChallenge = async (thing, count) => {
          if (thing !== THING || count !== 2) return;
          happened();
          await killAgent();
        };
      else if (row.when === "during")
        duringPayment(async () => {
          const next = noticed();
          await killAgent();
          if (!isOwnTreasury(mode)) await next;
        });
      else if (!isServed && (mode === "handed" || mode === "mcp-http"))
        town.link.next(async (exchange) => {
          await exchange.forward();
          happened();
          await killAgent();
        });
      else atService(killAgent);
      break;
    case "agent times out":
      if (row.when === "during")
        duringPayment(async () => {
          const next = noticed();
          await timeOut();
          if (!isOwnTreasury(mode)) await next;
        });
      else if (mode === "relayed") atService(timeOut);
      else
        town.link.next(async (exchange) => {
          await exchange.forward();
          happened();
          await timeOut();
        });
      break;
    case "treasury reset":
      armReset(row, town, { happened, atService, duringPayment, noticed, first });
      break;
    case "proxy":
      town.link.next(async (exchange) => {
        const forwarded = exchange.forward();
        const gaveUp = async () => {
          happened();
          const next = noticed();
          await exchange.reply(row.status);
          await next;
        };
        if (row.when === "before") duringPayment(gaveUp);
        else if (mode === "relayed" && !isServed) atService(gaveUp);
        else {
          await forwarded;
          happened();
          await exchange.reply(row.status);
        }
      });
      break;
    case "treasury killed":
      if (!isOwnTreasury(mode)) restartWhenKilled(town, happened);
      else void first.then(({ agent }) => (agent as AgentProcess).process.exited.then(happened));
      break;
    case "service closes":
      closes(town, row.how, happened);
      break;
    case "service slow":
      slow(town, first, happened);
      break;
    case "relayed body cut":
      town.link.next(async (exchange) => {
        const answer = await exchange.forward();
        happened();
        if (answer === undefined) exchange.reset();
        else await exchange.cut(answer, "body");
      });
      break;
    case "gateway":
      ({ arrived, end } = givesUp(town, row.served, happened));
      break;
    case "service reset":
      end = async () => {
        if (await town.gateway!.hasBroken()) happened();
      };
      break;
  }
  return {
    happened: () => state.hasHappened,
    undo: () => {
      if (row.at !== "gateway") town.shop.plan = () => ({});
    },
    arrived: () => arrived(),
    end: () => end(),
  };
}

interface Tools {
  readonly happened: () => void;
  readonly atService: (act: (visit: Visit) => Promise<void>) => void;
  readonly duringPayment: (act: () => Promise<void>) => void;
  readonly noticed: () => Promise<void>;
  readonly first: Promise<First>;
}

function armReset(
  row: Extract<Row, { at: "treasury reset" }>,
  town: Town,
  { happened, atService, duringPayment, noticed, first }: Tools,
): void {
  const { mode, served } = town.cell;
  town.link.next(async (exchange) => {
    const forwarded = exchange.forward();
    const reset = async () => {
      happened();
      const next = noticed();
      exchange.reset();
      await next;
    };
    if (row.when === "during") return duringPayment(reset);
    if (row.when === "before the answer" && mode === "relayed" && served === "not served")
      return atService(reset);
    const answer = await forwarded;
    happened();
    if (answer === undefined || row.when === "before the answer") return exchange.reset();
    if (row.when === "inside the answer") return exchange.cut(answer, "head");
    await exchange.pass(answer);
    // A reset may take away what was not read yet.
    await (await first).told;
    exchange.reset();
  });
}

/** A killed treasury is started again at once, as a supervisor does it. */
function restartWhenKilled(town: Town, happened: () => void): void {
  const restarted = town.treasuryExited.then(() => {
    happened();
    return town.startTreasury(true);
  });
  town.link.onLost = () => restarted;
  void town.treasuryExited.then(() => {
    town.link.ready = restarted;
  });
}

/** The service closes each connection of the agent's first request. */
function closes(town: Town, how: Closing, happened: () => void): void {
  const { served } = town.cell;
  town.shop.plan = ({ thing }) =>
    thing === THING
      ? {
          use: served === "not served" ? "released" : "consumed",
          answered: async () => {
            happened();
            return how;
          },
        }
      : {};
}

/** The service answers none of the first request's tries until nobody waits any more. */
function slow(town: Town, first: Promise<First>, happened: () => void): void {
  const { mode, served } = town.cell;
  const wait = async ({ gone }: Visit) => {
    happened();
    // The time-out of a treasury that makes the request is its own; every other one is the agent's.
    if (mode !== "relayed") {
      const { abort, told } = await first;
      abort();
      await told;
      if (mode === "mcp-pipe") return;
    }
    await gone;
  };
  town.shop.plan = (visit) => {
    if (visit.thing !== THING) return {};
    // A server on a pipe does not learn in time that nobody waits; it fails by itself.
    if (served === "not served") return { arrived: wait, use: "released" };
    return {
      answered: async () => {
        await wait(visit);
        return undefined;
      },
    };
  };
}

/**
 * The gateway gives up once the service has begun to serve. The service ends its work after that:
 * at once, or once another request for the thing was answered.
 */
function givesUp(
  town: Town,
  when: "before it is asked again" | "after it is asked again",
  happened: () => void,
): Pick<Break, "arrived" | "end"> {
  let finish = () => {};
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let goOn = () => {};
  const askedAgain = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const isServed = town.cell.served !== "not served";
  const isLate = when === "after it is asked again";
  let visits = 0;
  town.shop.plan = ({ thing }) => {
    if (!isServed || thing !== THING) return {};
    visits++;
    if (visits > 1)
      return {
        async answered() {
          goOn();
          await ended;
          return undefined;
        },
      };
    return {
      async serving() {
        await town.gateway!.giveUp();
        if (isLate) await askedAgain;
      },
      async answered() {
        finish();
        return undefined;
      },
    };
  };
  return {
    arrived: async () => {
      if (visits > 0 && !isLate) await ended;
    },
    async end() {
      if (await town.gateway!.hasBroken()) happened();
      goOn();
      if (visits > 0) await ended;
    },
  };
}
