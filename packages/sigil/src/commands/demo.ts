/** `sigil demo`: the main job, over real loopback TCP, and the tree that it leaves. */
import { command } from "../command.ts";
import { direct } from "../demo/director.ts";
import { Story } from "../demo/story.ts";
import { EXIT } from "../exit.ts";

const MAX_MS = 60_000;

export const demo = command({
  name: "demo",
  summary: "an agent pays, delegates, and revokes: on this machine, with money that is worth nothing",
  usage: "[--json]",
  help: `A weather API, a treasury, a Lightning network for development, an orchestrator and two sub-agents, each a process of
its own. Ends with the tree of agents; exits with 0 only if every step ended as it should.`,
  flags: {},
  async run(_given, terminal) {
    const stop = new AbortController();
    const interrupt = () => stop.abort(new Error("interrupted"));
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    const timer = setTimeout(() => stop.abort(new Error(`not done after ${MAX_MS / 1000} s`)), MAX_MS);
    const story = new Story(terminal.colours);
    const tell = (text: string) => void (terminal.json || terminal.stdout.write(text));
    try {
      const report = await direct({
        signal: stop.signal,
        onStart: (processes) => tell(story.opening(processes)),
        onStep: (step) => tell(story.step(step)),
      });
      terminal.answer(story.ending(report), report);
      return report.ok
        ? EXIT.ok
        : stop.signal.reason?.message === "interrupted"
          ? EXIT.interrupted
          : EXIT.failed;
    } finally {
      clearTimeout(timer);
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    }
  },
});
