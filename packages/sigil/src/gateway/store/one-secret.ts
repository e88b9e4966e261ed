/** Gateways on one database have one secret, or neither takes the keys of the other. */
import { createHmac } from "node:crypto";
import type { Facts } from "l8nt/ports";
import { UsageError } from "../../exit.ts";

/** Which secret the gateways of a database have, by a digest that nobody can turn back. */
const FACT = "gateway secret";

/** @throws UsageError if a gateway with another secret was the first one on the database */
export async function demandOneSecret(store: Facts, secret: string): Promise<void> {
  const digest = createHmac("sha256", Buffer.from(secret, "hex"))
    .update("sigil gateway: which secret")
    .digest("hex");
  if ((await store.firstFact(FACT, digest)) !== digest)
    throw new UsageError(
      "The gateways on this database have another secret, so neither would take the other's keys. Give this one theirs: copy the file secret from the folder of one of them to the folder of --dir, or start all of them with the same --secret env:NAME. For a gateway of its own, name another database.",
    );
}
