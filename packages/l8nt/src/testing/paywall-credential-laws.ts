/** Laws of the credential that a request presents. spec/3-challenge.md §2–4. */
import assert from "node:assert/strict";
import { Credential } from "../l402/index.ts";
import { formatMacaroonField } from "../l402/macaroon-field.ts";
import { Paywall } from "../service/index.ts";
import { LOCATION, type PaywallLaws, present, SECRET, worthless } from "./paywall-laws.ts";

export function credentialLaws({ law }: PaywallLaws): void {
  law(
    "a forged, altered or unpaid credential is refused without a row [cases 90, 98]",
    { price: "10 sat" },
    async (world) => {
      const genuine = await world.buy("/paid");
      const forged = new Set<string>();
      for (const [what, field] of worthless(genuine)) {
        const response = await world.ask("/paid", [], { fields: [["authorization", field]] });
        const { code } = JSON.parse(response.body);
        const lines = response.lines("www-authenticate");
        if (code === "ERR_TOKEN_FORGED") {
          // It cannot be told from one of a retired secret, whose holder has to buy another.
          assert.equal(response.status, 402, what);
          assert.equal(lines.length, 2, what);
          forged.add(response.body.replace(/lnbcrt\w+/, ""));
          continue;
        }
        assert.equal(response.status, 401, what);
        assert.match(code, /MALFORMED|TOO_LARGE|MISSING/, what);
        assert.match(lines.join(), /^L402 version="0", caveats="[a-z_ ]+"$/, what);
      }
      assert.equal(forged.size, 1, "an answer told which check failed");
      assert.deepEqual(world.store.reserved, []);
      assert.deepEqual(world.grants, []);
      assert.equal((await world.ask("/paid", [genuine])).status, 200);
    },
  );

  law(
    "forged credentials cost no more invoices than requests without one [case 90]",
    [{ price: "10 sat" }, { path: "/minted" }, { path: "/free", price: "0 sat" }],
    async (world) => {
      const genuine = await world.buy("/paid");
      const field = worthless(genuine)[0]![1];
      const fields = [["authorization", field]] as const;
      const statuses: number[] = [];
      for (let at = 0; at < 4; at++)
        statuses.push((await world.ask("/paid", [], { fields })).status);
      assert.deepEqual(statuses, [402, 402, 429, 429]);
      assert.equal(world.invoicer.requests.length, 3);
      // Where nothing is sold, and where nothing is asked.
      for (const target of ["/minted", "/free"]) {
        const refused = await world.ask(target, [], { fields });
        assert.equal(refused.status, 401, target);
        assert.equal(refused.lines("www-authenticate").length, 1, target);
      }
    },
    { challengesPerMinute: { perClient: 3 } },
  );

  law(
    "a credential of another secret is refused, and its holder can buy another",
    { price: "10 sat" },
    async (world) => {
      const other = new Paywall({ secret: SECRET.replaceAll("5", "6"), location: LOCATION });
      const foreign = other.authority.minter.mint({
        endpoints: [`GET ${LOCATION}/**`],
        expiresIn: "1h",
      });
      const refused = await world.ask("/paid", [foreign.toString()]);
      assert.equal(refused.status, 402);
      assert.deepEqual(world.grants, []);
      const bought = world.invoicer.buy(refused.lines("www-authenticate"));
      assert.equal((await world.ask("/paid", [bought])).status, 200);
    },
  );

  law(
    "two different credentials are refused, and one that is sent twice is one [case 8]",
    { price: "1 sat" },
    async (world) => {
      const [one, two] = [await world.buy("/paid"), await world.buy("/paid")];
      const refused: (readonly (readonly [string, string])[])[] = [
        [present(one), present(two)],
        [present(two), present(one)],
        [["authorization", `L402 ${one}, L402 ${two}`]],
        [
          ["AUTHORIZATION", `L402 ${one}`],
          ["x-between", "1"],
          ["Authorization", `LSAT ${two}`],
        ],
      ];
      for (const fields of refused)
        assert.equal((await world.ask("/paid", [], { fields })).status, 400);
      assert.deepEqual(world.grants, []);

      const same = [present(one), ["authorization", `LSAT ${one}`]] as const;
      assert.equal((await world.ask("/paid", [], { fields: same })).status, 200);
      assert.equal(
        (await world.ask("/paid", [one])).status,
        402,
        "the two lines were one use, and it was counted",
      );
      // The field of the API itself may stand beside it.
      const basic = ["authorization", "Basic dXNlcjpwYXNz"] as const;
      const beside: ((credential: string) => readonly (readonly [string, string])[])[] = [
        (credential) => [present(credential), basic],
        (credential) => [basic, present(credential)],
        (credential) => [["authorization", `${basic[1]}, L402 ${credential}`]],
      ];
      for (const fieldsOf of beside) {
        const fields = fieldsOf(await world.buy("/paid"));
        assert.equal((await world.ask("/paid", [], { fields })).status, 200);
      }
      const field = `lsat ${two}, L402 ${two}`;
      assert.equal(
        (await world.ask("/paid", [], { fields: [["authorization", field]] })).status,
        200,
      );
    },
  );

  law(
    "a macaroon in hex is accepted with its preimage, and no second credential beside it [case 8]",
    { price: "1 sat", grants: { uses: 9 } },
    async (world) => {
      const [one, two] = [
        Credential.parse(await world.buy("/paid")),
        Credential.parse(await world.buy("/paid")),
      ];
      const [hex, otherHex] = [formatMacaroonField(one), formatMacaroonField(two)];
      const carrying = one.append([`preimage=${one.toString().slice(-64)}`]).toString();
      const status = async (...fields: (readonly [string, string])[]) =>
        (await world.ask("/paid", [], { fields })).status;

      assert.equal(await status(["Grpc-Metadata-Macaroon", hex]), 200);
      assert.equal(await status(["macaroon", hex.toUpperCase()]), 200);
      assert.equal(await status(["Macaroon", hex], ["x-between", "1"], ["MACAROON", hex]), 200);
      assert.equal(await status(["Macaroon", hex], ["Grpc-Metadata-Macaroon", hex]), 200);
      assert.equal(await status(["Macaroon", hex], present(carrying)), 200);
      assert.equal(await status(["Macaroon", ""], present(one.toString())), 200);
      assert.equal(world.grants.length, 6);
      for (const { paymentHash } of world.grants) assert.equal(paymentHash, one.paymentHash);

      const refused: (readonly [string, string])[][] = [
        [
          ["Macaroon", hex],
          ["Macaroon", otherHex],
        ],
        [
          ["Macaroon", hex],
          ["Grpc-Metadata-Macaroon", otherHex],
        ],
        [
          ["Grpc-Metadata-Macaroon", otherHex],
          ["x-between", "1"],
          ["grpc-metadata-macaroon", hex],
        ],
        [["Macaroon", `${hex}, ${otherHex}`]],
        [["Macaroon", hex], ["x-between", "1"], present(two.toString())],
        [present(two.toString()), ["Grpc-Metadata-Macaroon", hex]],
        [present(carrying), ["Macaroon", "nonsense"]],
      ];
      for (const fields of refused) assert.equal(await status(...fields), 400);

      const other = `preimage=${"00".repeat(32)}`;
      const bare = (credential: Credential) =>
        Buffer.from(credential.toString().split(":")[0]!, "base64").toString("hex");
      const bad: Record<string, string> = {
        "no preimage": bare(one),
        "another's preimage": bare(one.append([other])),
        "a flipped signature": hex.slice(0, -1) + (hex.endsWith("0") ? "1" : "0"),
        "half a macaroon": hex.slice(0, 100),
        "no hex": `${hex}zz`,
        "an odd digit": `${hex}0`,
        "more than a macaroon may be": "02".repeat(6094),
      };
      for (const [what, value] of Object.entries(bad)) {
        const response = await world.ask("/paid", [], { fields: [["Macaroon", value]] });
        const isSold = /preimage|signature/.test(what) && what !== "no preimage";
        assert.equal(response.status, isSold ? 402 : 401, what);
        assert.equal(response.lines("www-authenticate").length, isSold ? 2 : 1, what);
        assert.ok(!response.body.includes(hex.slice(-40)), what);
      }
      // The proof is there, and a second one says no: genuine, and not allowed.
      const replaced = formatMacaroonField(Credential.parse(carrying).append([other]));
      assert.equal(await status(["Macaroon", replaced]), 403);
      assert.equal(world.grants.length, 6);
      assert.equal(world.store.reserved.length, 6);
    },
  );
}
