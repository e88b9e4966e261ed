/** `sigil treasury health`: whether the treasury spends, and what its owner should look at. */
import type { Health } from "l8nt/ports";
import type { Arguments } from "../arguments.ts";
import { EXIT } from "../exit.ts";
import { printable } from "../secrecy.ts";
import type { Terminal } from "../terminal.ts";
import { filled } from "../wrap.ts";
import { dirText } from "./dir-text.ts";
import { type OWNER_FLAGS, ownerClient } from "./owner-client.ts";

const WIDTH = 80;

/** Shows a treasury's health, and returns the exit code: 1 if it does not spend. */
export async function health(
  given: Arguments<keyof typeof OWNER_FLAGS>,
  terminal: Terminal,
): Promise<number> {
  const found = await ownerClient(given, terminal).health();
  terminal.answer(healthText(found, dirText(given.text("dir"))), found);
  return found.spending ? EXIT.ok : EXIT.failed;
}

/** Each number, and below it what to do about one that is not zero. At most 80 columns. */
export function healthText(health: Health, dir: string): string {
  const { spending, reason, openPayments, stuckPayments, unexplainedPayments, pendingRecalls } =
    health;
  const rows: readonly (readonly [name: string, value: string, hint?: string | false])[] = [
    ["spending", spending ? "yes" : "no", reason !== undefined && printable(reason)],
    [
      "open payments",
      stuckPayments > 0
        ? `${openPayments}, ${stuckPayments} of them for more than an hour`
        : `${openPayments}`,
      stuckPayments > 0 && `See them: sigil payments --status open${dir}`,
    ],
    [
      "unexplained payments",
      `${unexplainedPayments}`,
      unexplainedPayments > 0 && `Say what they were: sigil treasury unexplained${dir}`,
    ],
    [
      "services to be told of a revocation",
      `${pendingRecalls}`,
      pendingRecalls > 0 && "They are told again and again, until what they were handed ends.",
    ],
    [
      "previous secrets",
      health.previousSecretsNeeded ? "needed: keep them for now" : "not needed for purchases",
    ],
  ];
  const column = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.flatMap(([name, value, hint]) => [
    `${name.padEnd(column)}${value}`,
    ...(hint ? [`  ${hint}`] : []),
  ]);
  return `${filled(lines.join("\n"), WIDTH)}\n`;
}
