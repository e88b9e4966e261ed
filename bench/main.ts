/**
 * `npm run -s bench [-- area …]`: measures, and prints one JSON document. Progress goes to stderr.
 */
import { cpus, totalmem } from "node:os";
import { agents } from "./agents.ts";
import { bundle } from "./bundle.ts";
import type { Figure } from "./figure.ts";
import { lnd } from "./lnd.ts";
import { memory } from "./memory.ts";
import { paywall } from "./paywall.ts";
import { postgres } from "./postgres.ts";
import { purchase } from "./purchase.ts";
import { revocation } from "./revocation.ts";
import { sqlite } from "./sqlite.ts";
import { verify } from "./verify.ts";
import { walks } from "./walks.ts";

const progress = (text: string) => process.stderr.write(`${text}\n`);

const AREAS: Readonly<Record<string, (progress: (text: string) => void) => Promise<Figure[]>>> = {
  verify,
  paywall,
  bundle,
  agents,
  revocation,
  sqlite,
  purchase,
  lnd,
  memory,
  postgres,
  walks,
};

const asked = process.argv.slice(2);
const unknown = asked.find((area) => !Object.hasOwn(AREAS, area));
if (unknown !== undefined) {
  progress(`bench: no area "${unknown}"; there are ${Object.keys(AREAS).join(", ")}`);
  process.exit(2);
}

const figures: Figure[] = [];
for (const area of asked.length > 0 ? asked : Object.keys(AREAS)) {
  progress(`bench: ${area} …`);
  figures.push(...(await AREAS[area]!(progress)));
}
for (const { name, value, unit, target, met, against } of figures)
  progress(
    `${met === undefined ? "      " : met ? "met   " : "MISSED"} ${value} ${unit}${target === undefined ? "" : ` (target ${target})`}  ${name}, against ${against}`,
  );
const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  node: process.version,
};
process.stdout.write(`${JSON.stringify({ machine, figures }, null, 2)}\n`);
