/** The handle after a transfer: who transfers, and what the other agent had before in the run. */
import { expect, test } from "vitest";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Authority } from "../l402/index.ts";
import { SigilHandle } from "./handle.ts";
import { transferred } from "./transfer.ts";

const authority = new Authority({
  secret: hexText(randomBytes(32)),
  location: "https://treasury.example",
});
const top = SigilHandle.open({
  credential: authority.minter.mint({
    endpoints: ["GET https://api.example/**"],
    budget: "100 sat",
    expiresIn: "1h",
  }),
  agents: {
    boss: { agents: { scout: { budget: "5 sat", agents: { runner: { budget: "1 sat" } } } } },
    scout: { budget: "50 sat" },
  },
});
const boss = top.forAgent("boss");
const scout = boss.forAgent("scout");
const HANDLES = new Map([
  ["top", top],
  ["boss", boss],
  ["boss/scout", scout],
  ["boss/scout/runner", scout.forAgent("runner")],
  ["scout", top.forAgent("scout")],
]);

function nameOf(handle: SigilHandle): string {
  try {
    handle.assertAllowed();
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
  return [...HANDLES].find(([, one]) => one === handle)![0];
}

test.each([
  // To an agent that the run has seen, which is above.
  ["boss/scout", "boss", "boss", "boss"],
  ["boss/scout/runner", "boss", "boss", "boss"],
  ["boss/scout/runner", "boss/scout", "scout", "boss/scout"],
  ["boss/scout", "top", "anything", "top"],
  ["boss/scout", "boss/scout", "scout", "boss/scout"],
  // To an agent that the run has not seen, called like one above.
  ["boss/scout", undefined, "boss", "ERR_AGENT_UNKNOWN"],
  ["boss/scout/runner", undefined, "boss", "ERR_AGENT_UNKNOWN"],
  ["boss/scout/runner", undefined, "scout", "ERR_AGENT_UNKNOWN"],
  ["boss/scout", undefined, "scout", "ERR_AGENT_UNKNOWN"],
  // Down the table, seen or not.
  ["top", undefined, "boss", "boss"],
  ["boss", undefined, "scout", "boss/scout"],
  ["boss", "boss/scout", "scout", "boss/scout"],
  ["boss", undefined, "stranger", "ERR_AGENT_UNKNOWN"],
  // What an agent had from another giver is not handed on.
  ["boss", "scout", "scout", "boss/scout"],
  ["scout", "boss/scout", "scout", "ERR_AGENT_UNKNOWN"],
  ["scout", "boss", "boss", "ERR_AGENT_UNKNOWN"],
] as const)(
  "a transfer by %s to an agent that had %s and is called %s gives it %s",
  (giver, before, name, expected) => {
    const had = before === undefined ? undefined : HANDLES.get(before);
    const handle = transferred({ giver: HANDLES.get(giver)!, before: had, name });
    expect(nameOf(handle)).toBe(expected);
  },
);
