/** The clocks of the treasury and of the services, which jump. */
import type { Random } from "./random.ts";
import type { Schedule } from "./schedule.ts";
import type { Weather } from "./weather.ts";

/** How far a clock may be off, in either direction. */
const MAX_SECONDS = 600;

export class Clocks {
  /** How much longer or shorter anything may take by two clocks that jump. */
  readonly slackSeconds: number;
  readonly #schedule: Schedule;
  readonly #random: Random;
  readonly #offsets = new Map<string, number>();

  constructor(schedule: Schedule, random: Random, weather: Weather) {
    this.#schedule = schedule;
    this.#random = random;
    this.slackSeconds = weather.clockJumps > 0 ? 4 * MAX_SECONDS : 0;
  }

  /** The clock of the treasury, or of the site with an origin. */
  of(whose: string): () => number {
    this.#offsets.set(whose, 0);
    return () => this.#schedule.now + this.#offsets.get(whose)!;
  }

  jump(): void {
    const whose = this.#random.pick([...this.#offsets.keys()]);
    const seconds = Math.floor(this.#random.between(-MAX_SECONDS, MAX_SECONDS));
    this.#offsets.set(whose, seconds);
    this.#schedule.note(`the clock of ${whose} is ${seconds} s off`);
  }

  /** All are right from now on. */
  calm(): void {
    for (const whose of this.#offsets.keys()) this.#offsets.set(whose, 0);
  }
}
