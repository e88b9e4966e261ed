/** A request whose use may have been counted is not sent again by itself. spec/4-purchase.md §2. */
import { expect, test } from "vitest";
import type { Scope } from "../caveat/index.ts";
import { Client } from "../index.ts";
import { Authority } from "../l402/index.ts";

const LOCATION = "https://api.example";
const authority = new Authority({
  secret: "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8",
  location: LOCATION,
  kind: "access",
});

test.each([
  ["no limit", {}, 3],
  ["maxUses", { maxUses: 5 }, 2],
  ["a budget", { budget: "50 sat" }, 2],
] as const)("with %s, of a GET whose connection was closed", async (_what, limit: Scope, times) => {
  const answers = ["sunny", undefined, "sunny"];
  let sent = 0;
  const client = new Client({
    credential: authority.minter
      .mint({ endpoints: [`* ${LOCATION}/**`], expiresIn: "1h", ...limit })
      .toString(),
    fetch: async () => {
      const answer = answers[sent++];
      if (answer !== undefined) return new Response(answer);
      throw Object.assign(new TypeError("fetch failed"), { code: "ECONNRESET" });
    },
  });
  expect(await (await client.get(`${LOCATION}/a`)).text()).toBe("sunny");
  const again = client.get(`${LOCATION}/a`).then((response) => response.text());
  if (times === 3) expect(await again).toBe("sunny");
  else await expect(again).rejects.toThrow();
  expect(sent).toBe(times);
});
