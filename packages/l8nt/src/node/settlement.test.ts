/** What a sent response keeps in memory. */
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { Granted } from "../service/index.ts";
import { settleBy } from "./settlement.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const turn = () => new Promise((done) => setImmediate(done));

test("a response that was sent holds its grant, and so its request, no longer", async () => {
  const outgoing = new ServerResponse(new IncomingMessage(new Socket()));
  const statuses: (number | undefined)[] = [];
  const granting = (): WeakRef<Granted> => {
    const granted = {
      declared: () => undefined,
      finish: async (status: number | undefined) => void statuses.push(status),
    } as unknown as Granted;
    settleBy(outgoing, granted);
    return new WeakRef(granted);
  };
  const held = granting();
  await turn();
  collect();
  expect(held.deref() === undefined).toBe(false);
  outgoing.writeHead(201).end();
  await turn();
  collect();
  expect(held.deref() === undefined).toBe(true);
  outgoing.emit("close");
  expect(statuses).toEqual([201]);
});
