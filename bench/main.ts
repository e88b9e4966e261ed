/**
 * `npm run -s bench [-- area …]`: measures, and prints one JSON document. Progress goes to stderr.
 * An area may have parts: `purchase:held`.
 */
import { cpus, totalmem } from "node:os";
import { agents } from "./agents.ts";
import { bundle } from "./bundle.ts";
import { decide } from "./decide.ts";
import { disk } from "./disk.ts";
import type { Area, Figure } from "./figure.ts";
import { flood } from "./flood.ts";
import { gateway } from "./gateway.ts";
import { lnd } from "./lnd.ts";
import { loop } from "./loop.ts";
import { memory } from "./memory.ts";
import { paywall } from "./paywall.ts";
import { postgres } from "./postgres.ts";
import { publicKey } from "./public-key.ts";
import { purchase } from "./purchase.ts";
import { python } from "./python/python.ts";
import { relay } from "./relay.ts";
import { revocation } from "./revocation.ts";
import { sqlite } from "./sqlite.ts";
import { verify } from "./verify.ts";
import { walks } from "./walks.ts";

const progress = (text: string) => process.stderr.write(`${text}\n`);

const AREAS: Readonly<Record<string, Area>> = {
  verify,
  "public-key": publicKey,
  paywall,
  bundle,
  agents,
  revocation,
  sqlite,
  disk,
  purchase,
  lnd,
  loop,
  memory,
  postgres,
  walks,
  relay,
  python,
  gateway,
  decide,
  flood,
};

const asked = process.argv.slice(2);
const areaOf = (name: string): readonly [area: string, part?: string] =>
  name.split(":") as [string, string?];
const unknown = asked.find((name) => !Object.hasOwn(AREAS, areaOf(name)[0]));
if (unknown !== undefined) {
  progress(`bench: no area "${unknown}"; there are ${Object.keys(AREAS).join(", ")}`);
  process.exit(2);
}

const figures: Figure[] = [];
const details: Record<string, unknown> = {};
for (const name of asked.length > 0 ? asked : Object.keys(AREAS)) {
  progress(`bench: ${name} …`);
  const [area, part] = areaOf(name);
  const measured = await AREAS[area]!(progress, part);
  if ("figures" in measured) Object.assign(details, measured.details);
  figures.push(...("figures" in measured ? measured.figures : measured));
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
process.stdout.write(`${JSON.stringify({ machine, figures, ...details }, null, 2)}\n`);
