/** Process of the demo's sub-agents: holds only SIGIL_CREDENTIAL, and reads one task per line. */
import { Client } from "l8nt";
import { failed, Meter, type Outcome, visit } from "./outcome.ts";
import { beforeExit, hear, say } from "./stage.ts";
import { Tricks } from "./tricks.ts";

interface Task {
  readonly do: "get" | "trespass" | "widen" | "overspend" | "retry";
  readonly url: string;
  readonly job: string;
  readonly archive: string;
}

const meter = new Meter();
const client = new Client({ fetch: meter.fetch, onPayment: meter.onPayment });
beforeExit(() => client.close());
const tricks = new Tricks(client, meter);

const TASKS: Readonly<Record<Task["do"], (task: Task) => Promise<readonly Outcome[]>>> = {
  get: async ({ url }) => [await visit(client, meter, url)],
  trespass: (task) => tricks.trespass(task),
  widen: (task) => tricks.widen(task),
  overspend: (task) => tricks.overspend(task),
  retry: (task) => tricks.retry(task),
};

say({
  pid: process.pid,
  // macOS adds such a variable to every process.
  environment: Object.keys(process.env).filter((name) => !name.startsWith("__CF_")),
});
for (;;) {
  const task = await hear<Task>();
  say({ outcomes: await TASKS[task.do](task).catch((error) => [failed(task.do, error)]) });
}
