/** Random histories of gateways that are killed: `npm run histories`. A hundred for each seed. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { optionsOf } from "./options.ts";

const STORES = ["memory", "several", "sqlite", "postgres"];
const USAGE = `npm run histories -- [--seeds N] [--seed S] [--store NAME]

Runs random histories of requests through gateways that are killed at any statement, while clocks
are set, and reports a budget that is passed, a reservation that stays, and a bill that is not
covered.

  --seeds N     how many seeds, each for 100 histories (default: 100)
  --seed S      the first seed (default: 1); a run that was stopped goes on from where it was
  --store NAME  ${STORES.join(", ")} (default: all);
                several: three gateways on one store in memory`;

const given = optionsOf(USAGE, {
  seeds: { type: "string" },
  seed: { type: "string" },
  store: { type: "string" },
});
const seeds = Number(given.seeds ?? 100);
const seed = Number(given.seed ?? 1);
if (!Number.isSafeInteger(seeds) || seeds < 1 || !Number.isSafeInteger(seed))
  throw new TypeError("--seeds and --seed are whole numbers");
if (given.store !== undefined && !STORES.includes(String(given.store)))
  throw new TypeError(`--store must be one of ${STORES.join(", ")}`);
const { status } = spawnSync(
  process.execPath,
  [join(import.meta.dirname, "test.ts"), "main", "histories"],
  {
    env: {
      ...process.env,
      SIGIL_HISTORIES_SEED: String(seed),
      SIGIL_HISTORIES_SEEDS: String(seeds),
      ...(given.store !== undefined && { SIGIL_HISTORIES_STORE: String(given.store) }),
    },
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
