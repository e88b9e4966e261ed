/**
 * The inputs of test/fuzz, damaged from a seed, with what comes of them here: the tests of other
 * languages compare. Speaks JSON lines, as ../README.md says.
 */
import { createInterface } from "node:readline";
import { FAMILIES } from "../../test/fuzz/families.ts";
import { PREIMAGE, SECRET } from "../../test/fuzz/golden.ts";
import { randomFrom } from "../../test/fuzz/mutate.ts";
import { targets } from "../../test/fuzz/targets.ts";

/** As many characters as the fuzzer gives. */
const LONGEST = 65_536;

// biome-ignore lint/suspicious/noExplicitAny: each command reads its own members.
type Command = Readonly<Record<string, any>>;

const COMMANDS: Readonly<Record<string, (command: Command) => object>> = {
  golden: () => ({ secret: SECRET, preimage: PREIMAGE }),
  fuzz({ target: name, seed, count }) {
    const target = targets[name]!;
    const random = randomFrom(seed, name);
    const inputs = Array.from({ length: count }, () => target.input(random).slice(0, LONGEST));
    return { inputs, outcomes: inputs.map(target.run) };
  },
  families: ({ length }) => ({
    families: FAMILIES.map(({ name, text }) => [name, text(length)]),
  }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  const answer = COMMANDS[command.do]!(command);
  process.stdout.write(`${JSON.stringify({ id: command.id, ...answer })}\n`);
}
