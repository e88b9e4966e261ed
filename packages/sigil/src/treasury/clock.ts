/** `sigil treasury clock`: the machine's time beside the books', and the owner's word about it. */
import type { ClockView } from "l8nt/ports";
import type { Arguments } from "../arguments.ts";
import { EXIT } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { dateText } from "../words.ts";
import { type OWNER_FLAGS, ownerClient } from "./owner-client.ts";

export type ClockFlag = keyof typeof OWNER_FLAGS | "accept" | "reason";

/** Shows both times, or accepts the machine's, and returns the exit code. */
export async function clock(given: Arguments<ClockFlag>, terminal: Terminal): Promise<number> {
  const client = ownerClient(given, terminal);
  const accepts = given.has("accept");
  if (accepts) await client.acceptClock(given.text("reason"));
  const view = await client.clock();
  terminal.answer(`${accepts ? "Accepted this machine's time.\n" : ""}${textOf(view)}`, {
    ...view,
    accepted: accepts,
  });
  return EXIT.ok;
}

function textOf({ machine, books, behindSeconds, stopped }: ClockView): string {
  const times = `machine  ${dateText(machine)}\nbooks    ${dateText(books)}\n`;
  if (!stopped) return `${times}Orders are taken.\n`;
  return `${times}The machine's clock is ${Math.round(behindSeconds)} s behind the books, so their time stands still, and no order is taken.
If the machine is wrong, set its clock. If it is right, and was ahead before:
  sigil treasury clock --accept --dir DIR
What was used stays used. A budget for a time that something was spent from while the clock was ahead
stays used up until then, and a credential that was made in that time ends that much later.
`;
}
