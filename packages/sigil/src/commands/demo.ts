/** `sigil demo`: plays a purchase, a delegation and a revocation over loopback TCP. */
import { command } from "../command.ts";
import { type DirectOptions, direct } from "../demo/director.ts";
import { Story } from "../demo/story.ts";
import { EXIT } from "../exit.ts";
import type { Terminal } from "../terminal.ts";

const MAX_MS = 60_000;

export const demo = command({
  name: "demo",
  summary: "show an agent that pays, delegates and revokes, with play money",
  usage: "[--json]",
  help: `Starts a weather API, a treasury, a Lightning network for development, an orchestrator and
two sub-agents on this machine, each as its own process. Prints every step and the tree of agents.
Exits with 0 only if every step ended as expected.`,
  flags: {},
  async run(_given, terminal) {
    const stop = new AbortController();
    terminal.onStop(() => stop.abort(INTERRUPTED));
    const timer = setTimeout(
      () => stop.abort(new Error(`not done after ${MAX_MS / 1000} s`)),
      MAX_MS,
    );
    try {
      const exitCode = await perform(terminal, { signal: stop.signal });
      return stop.signal.reason === INTERRUPTED ? EXIT.interrupted : exitCode;
    } finally {
      clearTimeout(timer);
    }
  },
});

const INTERRUPTED = new Error("interrupted");

/** Plays the demo, prints each step, and returns the exit code. */
export async function perform(terminal: Terminal, options: DirectOptions): Promise<number> {
  const story = new Story(terminal.colours);
  const tell = (text: string) => void (terminal.json || terminal.stdout.write(text));
  const report = await direct({
    ...options,
    onStart(processes) {
      tell(story.opening(processes));
      options.onStart?.(processes);
    },
    async onStep(step, cast) {
      tell(story.step(step));
      await options.onStep?.(step, cast);
    },
  });
  terminal.answer(story.ending(report), report);
  return report.ok ? EXIT.ok : EXIT.failed;
}
