/** The side of a demo process: reads and writes JSON lines, and ends when its stdin ends. */
import { createInterface } from "node:readline";
import { SigilError } from "l8nt";

/** The contents of a line; integers of amounts are decimal strings. */
export type Line = Readonly<Record<string, unknown>>;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

let cleanUp = async (): Promise<unknown> => undefined;

/** Sets the action that runs before this process ends, for any reason. */
export function beforeExit(action: () => Promise<unknown>): void {
  cleanUp = action;
}

let isEnding = false;
function end(exitCode: number): void {
  isEnding = true;
  void cleanUp().finally(() => process.exit(exitCode));
}

// The parent process holds the other end of stdin; end with it.
process.stdin.once("close", () => isEnding || end(0));
process.on("uncaughtException", (error) => {
  // Requests that the end interrupts may fail.
  if (isEnding) return;
  console.error(error instanceof SigilError ? `${error.message} (${error.code})` : error);
  end(1);
});

/** Reads the next line from the parent process. */
export async function hear<Told = Line>(): Promise<Told> {
  const { value, done } = await lines.next();
  // After the end of stdin the process ends, so never resolve.
  if (done === true) return new Promise(() => {});
  return JSON.parse(value) as Told;
}

/** Writes a line to the parent process. */
export function say(line: object): void {
  const text = JSON.stringify(line, (_key, member) =>
    typeof member === "bigint" ? `${member}` : member,
  );
  process.stdout.write(`${text}\n`);
}
