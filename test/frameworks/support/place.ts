/** A handle without a treasury, and a tool that notes the agent of each call. */
import { currentHandle, type HandleOptions, SigilHandle } from "l8nt/agents";
import { Authority } from "l8nt/l402";
import { secretOf } from "../../../packages/l8nt/src/testing/fixtures/town.ts";
import type { Get } from "./agent-contract.ts";

const authority = new Authority({
  secret: secretOf("the treasury"),
  location: "https://treasury.example",
});

/** `lineages` has a line for each call: the URL, and the caller's lineage or its denial's code. */
export function place(options: HandleOptions) {
  const credential = authority.minter.mint({
    endpoints: ["GET https://*.example/**"],
    budget: "100 sat",
    expiresIn: "1h",
  });
  const handle = SigilHandle.open({ credential, ...options });
  const lineages: string[] = [];
  const get: Get = async ({ url }) => {
    const caller = currentHandle();
    try {
      lineages.push(`${url} ${["", ...caller!.credential.chain.lineage].join("/")}`);
    } catch (error) {
      lineages.push(`${url} ${(error as { code?: string }).code}`);
    }
    return "seen";
  };
  return { handle, get, lineages };
}
