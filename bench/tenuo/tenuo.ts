/** Tenuo's Python package, in a process of its own. Its times are those of its own CPU clock. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { python } from "../../test/peers/python/venv.ts";

export interface Tenuo {
  /** The milliseconds of CPU for `count` of them. */
  verify(blocks: number, count: number): Promise<number>;
  attenuate(count: number): Promise<number>;
  close(): void;
}

const here = import.meta.dirname;

/** Undefined, with a message, where there is no Python, or the package cannot be installed. */
export function startTenuo(): Tenuo | undefined {
  const interpreter = python(join(here, "requirements.txt"));
  if (interpreter === undefined) return undefined;
  const child = spawn(interpreter, [join(here, "tenuo_times.py")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (question: object): Promise<number> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("tenuo_times.py ended");
    return (JSON.parse(value) as { readonly milliseconds: number }).milliseconds;
  };
  return {
    verify: (blocks, count) => ask({ do: "verify", blocks, count }),
    attenuate: (count) => ask({ do: "attenuate", blocks: 1, count }),
    close: () => child.stdin.end(),
  };
}
