/** aperture's client interceptor buys calls of a model from `sigil gateway`, the process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  ASKED,
  FLAT_MSAT,
  METERED_MSAT,
  openSelling,
  PREPAID_MSAT,
} from "../e2e/support/selling.ts";
import { Peer } from "./peer.ts";

function tokens(): string {
  const folder = mkdtempSync(join(tmpdir(), "sigil-interop-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("aperture's client buys a call at a flat price, by GET and by POST", async () => {
  const [shop, peer] = [await openSelling("any API"), Peer.start()];
  const { path, body, shows } = ASKED.json;
  for (const [url, posted, text] of [
    [`${shop.url}/forecast`, undefined, /^sunny$/],
    [shop.url + path, body, shows],
  ] as const) {
    const bought = await peer.buy(url, tokens(), shop.pay, posted);
    expect(bought).toMatchObject({ status: 200, body: expect.stringMatching(text) });
    expect(bought.sent.map((fields) => Object.keys(fields))).toEqual([[], ["macaroon"]]);
  }
  expect(shop.paid()).toEqual([FLAT_MSAT, FLAT_MSAT]);
});

test("aperture's client prepays tokens once, for answers as JSON and in streams of either form", async () => {
  const [shop, peer, folder] = [await openSelling("metered"), Peer.start(), tokens()];
  for (const { path, body, shows } of Object.values(ASKED)) {
    const bought = await peer.buy(shop.url + path, folder, shop.pay, body);
    expect(bought).toMatchObject({ status: 200, body: expect.stringMatching(shows) });
  }
  expect(shop.paid()).toEqual([PREPAID_MSAT]);
  await expect.poll(shop.spent).toEqual(Array(3).fill(METERED_MSAT));
});
