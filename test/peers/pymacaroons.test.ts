/**
 * A server on PyPI's pymacaroons, whose macaroons are V1 packets: bought by our client, as other
 * people's clients do.
 */
import { createHash } from "node:crypto";
import { Client } from "l8nt";
import { Invoice } from "l8nt/invoice";
import { expect, test } from "vitest";
import {
  challenger,
  site,
  type Town,
  town,
} from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { peer, python } from "./python/venv.ts";

const interpreter = python();
const CAVEATS = ["service = weather", "path = /a"];

const MODES: readonly (readonly [string, (world: Town) => Client])[] = [
  ["a treasury across HTTP", (world) => world.connect(world.mint())],
  [
    "a treasury in the client",
    (world) => new Client({ wallet: world.network.account("treasury").url, clock: world.clock }),
  ],
];

test.skipIf(interpreter === undefined).each(MODES)(
  "it is paid once and serves again and again, with %s",
  async (_mode, clientOf) => {
    const world = await town();
    const ask = peer(interpreter!);
    const refused: string[] = [];
    const shop = await site(async (request, response, url) => {
      response.sendDate = false;
      const [, token, preimage] =
        /^L402 (\S+):([0-9a-f]{64})$/.exec(request.headers.authorization ?? "") ?? [];
      if (token !== undefined) {
        const { identifier, error } = await ask({ do: "verify", token, caveats: CAVEATS });
        const hash = createHash("sha256").update(Buffer.from(preimage!, "hex")).digest("hex");
        if (identifier === `payment ${hash}`) return response.end("sunny");
        refused.push(error ?? "another payment");
      }
      const { invoice } = await challenger(world, url).demand();
      const { paymentHash } = Invoice.decode(invoice);
      const issued = await ask({
        do: "issue",
        identifier: `payment ${paymentHash}`,
        caveats: CAVEATS,
      });
      response
        .writeHead(402, {
          "www-authenticate": `L402 macaroon="${issued.token}", invoice="${invoice}"`,
        })
        .end();
    });
    const client = clientOf(world);
    for (const _ of "123") expect(await (await client.get(`${shop.url}/a`)).text()).toBe("sunny");
    expect(refused).toEqual([]);
    expect(world.paid().count).toBe(1);
  },
);
