/** `sigil gateway decide`: what may be given with it. */
import { UsageError } from "../../exit.ts";
import type { Terminal } from "../../terminal.ts";
import { FLAGS, type Given } from "../start/flags.ts";
import { startDeciding } from "./start.ts";

export async function deciding(
  more: readonly string[],
  given: Given,
  terminal: Terminal,
): Promise<number> {
  const file = given.text("config");
  const other = (Object.keys(FLAGS) as (keyof typeof FLAGS)[]).find(
    (flag) => flag !== "config" && given.has(flag),
  );
  if (file === undefined || other !== undefined || more.length > 0)
    throw new UsageError(
      "sigil gateway decide takes --config FILE alone. See examples/decide/decide.yaml.",
    );
  return startDeciding(file, terminal);
}
