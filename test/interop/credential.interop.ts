/**
 * aperture's packages `l402` and `mint`: what we write is read there, and what they write is read
 * here.
 */
import { createHash } from "node:crypto";
import {
  authenticateFields,
  Credential,
  formatAuthorization,
  Identifier,
  macaroonOf,
} from "l8nt/l402";
import { describe, expect, test } from "vitest";
import { formatMacaroonField } from "../../packages/l8nt/src/l402/macaroon-field.ts";
import { readPresented } from "../../packages/l8nt/src/l402/presented.ts";
import {
  authority,
  caveatsOf,
  credentialOf,
  LOCATION,
  packetOf,
  preimageOf,
  ROOT_KEY,
  refusalsOf,
  weather,
} from "./credentials.ts";
import { type Fields, Peer } from "./peer.ts";

const hex = (ascii: string): string => Buffer.from(ascii).toString("hex");

describe("aperture reads what we write", () => {
  test.each<[string, (credential: Credential) => Fields]>([
    ["Authorization: L402", (credential) => ({ Authorization: [formatAuthorization(credential)] })],
    ["Authorization: LSAT", (credential) => ({ Authorization: [`LSAT ${credential}`] })],
    ["Macaroon", (credential) => ({ Macaroon: [formatMacaroonField(credential)] })],
    [
      "Grpc-Metadata-Macaroon",
      (credential) => ({ "grpc-metadata-macaroon": [formatMacaroonField(credential)] }),
    ],
  ])("%s", async (name, fieldsOf) => {
    const peer = Peer.start();
    const credential = weather().delegate({ agent: "scout", purpose: "Wetter für Zürich" });
    const read = await peer.read(fieldsOf(credential));
    const carried = name.includes("Macaroon") ? [`preimage=${preimageOf(credential)}`] : [];
    expect(read).toEqual({
      macaroon: packetOf(credential.append(carried)),
      preimage: preimageOf(credential),
      location: LOCATION,
      version: 0,
      paymentHash: createHash("sha256")
        .update(Buffer.from(preimageOf(credential), "hex"))
        .digest("hex"),
      tokenId: Buffer.from(Identifier.decode(macaroonOf(credential).identifier).tokenId).toString(
        "hex",
      ),
      caveats: [...caveatsOf(credential), ...carried],
    });
    // The whole of its check: preimage, signature, services.
    await peer.verify(fieldsOf(credential), ROOT_KEY, "weather");
  });

  test("and refuses it where we would: another service, a wrong preimage, an altered caveat, an end that is past", async () => {
    const peer = Peer.start();
    const credential = weather();
    const field = (each: Credential | string): Fields => ({ Authorization: [`L402 ${each}`] });
    await peer.verify(field(credential), ROOT_KEY, "weather");
    await expect(peer.verify(field(credential), ROOT_KEY, "history")).rejects.toThrow(
      "not authorized",
    );
    const [macaroon = ""] = credential.toString().split(":");
    await expect(
      peer.verify(field(`${macaroon}:${"ab".repeat(32)}`), ROOT_KEY, "weather"),
    ).rejects.toThrow("invalid preimage");
    const altered = Buffer.from(
      packetOf(credential).replace(hex("max_uses=5"), hex("max_uses=6")),
      "hex",
    );
    await expect(
      peer.verify(
        field(`${altered.toString("base64")}:${preimageOf(credential)}`),
        ROOT_KEY,
        "weather",
      ),
    ).rejects.toThrow(/signature|verification/);
    await expect(
      peer.verify(
        field(credential.append(["weather_valid_until=1600000000"])),
        ROOT_KEY,
        "weather",
      ),
    ).rejects.toThrow("expired");
    await expect(
      peer.verify(field(credential.append(["services=history:0"])), ROOT_KEY, "weather"),
    ).rejects.toThrow();
  });

  test("and reads one spelling alone, which is the one that we write", async () => {
    const peer = Peer.start();
    // One that is padded, so that it has another spelling for certain.
    const credential = ["x", "xx", "xxx"]
      .map((purpose) => weather().append([`purpose=${purpose}`]))
      .find((each) => each.toString().includes("="))!;
    const [macaroon = "", preimage = ""] = credential.toString().split(":");
    const urlSafe = Buffer.from(macaroon, "base64").toString("base64url");
    await peer.read({ Authorization: [formatAuthorization(credential)] });
    for (const spelling of [
      `l402 ${macaroon}:${preimage}`,
      `L402 ${macaroon}:${preimage.toUpperCase()}`,
      `L402 ${urlSafe}:${preimage}`,
    ]) {
      await expect(peer.read({ Authorization: [spelling] })).rejects.toThrow(
        /invalid auth header|base64/,
      );
      expect(Credential.parse(readPresented({ authorization: spelling })!).toString()).toBe(
        credential.toString(),
      );
    }
  });
});

test("a macaroon that aperture narrowed is ours, narrowed", async () => {
  const peer = Peer.start();
  const credential = weather();
  const preimage = preimageOf(credential);
  const narrowed = await peer.narrow(
    packetOf(credential),
    "endpoints=GET https://weather.example/today",
    "max_uses=1",
  );
  const chain = credentialOf(narrowed, preimage);
  expect(chain.toString()).toBe(
    credential.append(["endpoints=GET https://weather.example/today", "max_uses=1"]).toString(),
  );
  expect(authority().verifier.authenticate(chain).limits).toHaveLength(2);
  const unknown = credentialOf(await peer.narrow(packetOf(credential), "tenant=acme"), preimage);
  expect(refusalsOf(unknown)).toMatchObject([{ code: "ERR_CAVEAT_UNKNOWN" }]);
});

/**
 * What docs/guides/interop.md lists: a service that is written for one of the two must not count on
 * the other.
 */
describe("aperture decides otherwise than we do", () => {
  test("where a request presents two credentials: Authorization first, and of two lines the last; we refuse", async () => {
    const peer = Peer.start();
    const [one, two] = [weather(), weather()];
    const both = { Authorization: [`L402 ${one}`], Macaroon: [formatMacaroonField(two)] };
    expect(await peer.read(both)).toMatchObject({ macaroon: packetOf(one) });
    const lines = { Authorization: [`L402 ${one}`, `L402 ${two}`] };
    expect(await peer.read(lines)).toMatchObject({ macaroon: packetOf(two) });
    const ambiguous = expect.objectContaining({ code: "ERR_TOKEN_AMBIGUOUS" });
    const authorization = both.Authorization[0]!;
    expect(() => readPresented({ authorization, macaroon: both.Macaroon[0]! })).toThrow(ambiguous);
    expect(() => readPresented({ authorization: lines.Authorization.join(", ") })).toThrow(
      ambiguous,
    );
  });

  test("where a macaroon carries two preimages: the last one proves; here the first, and all must", async () => {
    const peer = Peer.start();
    const credential = weather();
    const carrying = credential.append([
      `preimage=${"ab".repeat(32)}`,
      `preimage=${preimageOf(credential)}`,
    ]);
    await peer.verify({ Macaroon: [packetOf(carrying)] }, ROOT_KEY, "weather");
    expect(() =>
      authenticateFields(authority().verifier, { macaroon: packetOf(carrying) }),
    ).toThrow(expect.objectContaining({ code: "ERR_TOKEN_PREIMAGE" }));
  });

  test("where it does not know a caveat: skipped; here denied", async () => {
    const peer = Peer.start();
    const credential = weather().append(["tenant=acme"]);
    await peer.verify({ Authorization: [`L402 ${credential}`] }, ROOT_KEY, "weather");
    expect(refusalsOf(credential)).toMatchObject([{ code: "ERR_CAVEAT_UNKNOWN" }]);
  });

  test("where a caveat is repeated wider: refused; here it has no effect", async () => {
    const peer = Peer.start();
    const end = Math.floor(Date.now() / 1000) + 60;
    const credential = weather().append([
      `weather_valid_until=${end}`,
      `weather_valid_until=${end + 60}`,
    ]);
    await expect(
      peer.verify({ Authorization: [`L402 ${credential}`] }, ROOT_KEY, "weather"),
    ).rejects.toThrow("restrictiveness");
    expect(refusalsOf(credential)).toEqual([]);
    expect(refusalsOf(credential, end + 1)).toHaveLength(1);
  });
});
