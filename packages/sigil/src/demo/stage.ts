/**
 * A process of the demo, from the inside: it hears and says one JSON document a line, and ends when
 * its stdin does.
 */
import { createInterface } from "node:readline";
import { SigilError } from "l8nt";

/** Whatever a line says; amounts are decimal strings of msat. */
export type Line = Readonly<Record<string, unknown>>;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

let parting = async (): Promise<unknown> => undefined;

/** What is to be done before this process ends, however it ends. */
export function beforeLeaving(action: () => Promise<unknown>): void {
  parting = action;
}

let isLeaving = false;
function leave(exitCode: number): void {
  isLeaving = true;
  void parting().finally(() => process.exit(exitCode));
}

// Whoever started this process holds the other end: once he is gone, nobody is left to play for.
process.stdin.once("close", () => isLeaving || leave(0));
process.on("uncaughtException", (error) => {
  // Whoever leaves breaks off what he was at: that is no failure.
  if (isLeaving) return;
  console.error(error instanceof SigilError ? `${error.message} (${error.code})` : error);
  leave(1);
});

/** The next thing that this process is told. */
export async function hear<Told = Line>(): Promise<Told> {
  const { value, done } = await lines.next();
  // The end of stdin is the end of the process.
  if (done === true) return new Promise(() => {});
  return JSON.parse(value) as Told;
}

export function say(line: object): void {
  const text = JSON.stringify(line, (_key, member) =>
    typeof member === "bigint" ? `${member}` : member,
  );
  process.stdout.write(`${text}\n`);
}
