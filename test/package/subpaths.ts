// The declarations of every subpath that needs no framework, and of one call of each kind.
import { Invoice } from "l8nt/invoice";
import { Authority, Challenge, type Credential, type Verdict } from "l8nt/l402";
import { Macaroon } from "l8nt/macaroon";
import { Paywall } from "l8nt/service";

const authority = new Authority({ secret: new Uint8Array(32), location: "https://api.example" });
const credential: Credential = authority.mint({ services: ["weather"], expiresIn: "1h" });
const verdict: Verdict = authority.verify(credential, { now: 0, target: "self" });
const paywall = new Paywall({ authority });
const decision = await paywall.authorize(new Request("https://api.example/"));
if (!decision.granted) console.log(decision.response.status, verdict.granted);
console.log(Macaroon.encode(credential.macaroon).length, Invoice.decode, Challenge.parse);
