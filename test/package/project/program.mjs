// What someone writes first, against the installed package: mint, attenuate, verify. Plain
// JavaScript, any Node from 20 on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Authority, Credential, macaroonOf, targetOfUrl } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";

const authority = new Authority({
  secret: crypto.getRandomValues(new Uint8Array(32)),
  location: "https://api.weather.example",
});
const minted = authority.minter.mint({
  endpoints: ["GET https://api.weather.example/**"],
  expiresIn: "1h",
});
const narrowed = Credential.parse(minted.toString()).attenuate({ maxUses: 1, expiresIn: "15m" });
const target = targetOfUrl("GET", new URL("https://api.weather.example/forecast?city=tokyo"));
const verified = authority.verifier.authenticate(narrowed.toString());
assert.deepEqual(verified.judge({ now: Date.now() / 1000, target }), []);
assert.notDeepEqual(verified.judge({ now: Date.now() / 1000 + 1000, target }), []);

// Anyone who holds the bytes can append to them: nothing but `l8nt/macaroon` is needed.
const macaroon = macaroonOf(narrowed);
const again = Macaroon.decode(Macaroon.encode(Macaroon.attenuate(macaroon, "purpose=test")));
assert.equal(again.caveats.length, macaroon.caveats.length + 1);

// Every subpath loads; one for a framework says which package it wants, where that is not
// installed.
const manifest = JSON.parse(readFileSync("node_modules/l8nt/package.json", "utf8"));
let loaded = 0;
for (const subpath of Object.keys(manifest.exports)) {
  if (subpath === "./package.json") continue;
  try {
    await import(subpath.replace(/^\./, "l8nt"));
    loaded++;
  } catch (error) {
    const wanted = /Cannot find package '([^']+)'/.exec(error.message)?.[1];
    if (wanted === undefined || !Object.hasOwn(manifest.peerDependencies ?? {}, wanted))
      throw error;
  }
}
console.log(`minted, attenuated, verified; ${loaded} subpaths loaded`);
