// The declarations of every subpath that needs no framework, and of one call of each kind.
import { Invoice } from "l8nt/invoice";
import { Authority, Challenge, type Credential, macaroonOf, type Verified } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import { Paywall } from "l8nt/service";

const authority = new Authority({ secret: new Uint8Array(32), location: "https://api.example" });
const credential: Credential = authority.minter.mint({ services: ["weather"], expiresIn: "1h" });
const verified: Verified = authority.verifier.authenticate(credential);
const refusals = verified.judge({ now: 0, target: "self" });
const paywall = new Paywall({ authority });
const decision = await paywall.authorize(new Request("https://api.example/"));
if (!decision.granted) console.log(decision.response.status, refusals.length);
console.log(Macaroon.encode(macaroonOf(credential)).length, Invoice.decode, Challenge.parse);
