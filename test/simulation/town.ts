/** What everyone in a simulated world shares. */
import type { Clocks } from "./clocks.ts";
import type { Disk } from "./disk.ts";
import type { LightningNode } from "./lightning.ts";
import type { Oracle } from "./oracle.ts";
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import type { Weather } from "./weather.ts";

/** Who sends a request to a site, and when. */
export interface Sender {
  /** Whether it is an agent's own process. */
  readonly isAgent: boolean;
  readonly sentAt: number;
  /** Whether a gateway has answered already, so that nobody hears of this. */
  readonly isUnheard?: boolean;
}

export interface Site {
  readonly origin: string;
  readonly paths: readonly string[];
  readonly answer: (request: Request, sender: Sender) => Promise<Response>;
}

export interface Town {
  readonly seed: string;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly weather: Weather;
  readonly oracle: Oracle;
  readonly lightning: LightningNode;
  readonly disk: Disk;
  readonly sites: readonly Site[];
  readonly clocks: Clocks;
  siteAt(origin: string): Site;
}
