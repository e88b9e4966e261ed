/** HTTP Message Signatures, by the vectors of RFC 9421 and the drafts of Web Bot Auth. */
import { describe, expect, test } from "vitest";
import { base64Bytes, utf8Text } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { signerOf, verify } from "../internal/ed25519.ts";
import { componentsOf, digestOf, paramsText, readSignature, signatureBase } from "./fields.ts";
import { HolderKey } from "./index.ts";

// RFC 9421 appendix B.1.4, test-key-ed25519.
const PRIVATE = base64Bytes("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=")!;
const PUBLIC = base64Bytes("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")!;
const THUMBPRINT = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";

describe("RFC 9421 appendix B.2.6", () => {
  const headers = new Headers({
    host: "example.com",
    date: "Tue, 20 Apr 2021 02:07:55 GMT",
    "content-type": "application/json",
    "content-length": "18",
  });
  const request = {
    method: "POST",
    authority: "example.com",
    path: "/foo",
    query: "?param=Value&Pet=dog",
    headers,
  };
  const components = [
    "date",
    "@method",
    "@path",
    "@authority",
    "content-type",
    "content-length",
  ].map((name) => `"${name}"`);
  const params = paramsText(components, { created: 1618884473, keyid: "test-key-ed25519" });
  const base = signatureBase(componentsOf(request), components, params)!;
  const signature = base64Bytes(
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
  )!;

  test("the signature base is that of the RFC", () => {
    expect(utf8Text(base)).toBe(
      [
        '"date": Tue, 20 Apr 2021 02:07:55 GMT',
        '"@method": POST',
        '"@path": /foo',
        '"@authority": example.com',
        '"content-type": application/json',
        '"content-length": 18',
        '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
      ].join("\n"),
    );
  });

  test("the signature is made, and verified", () => {
    expect(signerOf(PRIVATE).publicKey).toEqual(PUBLIC);
    expect(signerOf(PRIVATE).sign(base)).toEqual(signature);
    expect(verify(PUBLIC, base, signature)).toBe(true);
  });
});

describe("the reader", () => {
  const of = (input: string) =>
    readSignature(
      new Headers({ "signature-input": input, signature: `sig1=:${"A".repeat(86)}==:` }),
    );
  const tail = ';created=1;expires=2;nonce="n";keyid="k";tag="web-bot-auth"';

  test.each([
    ['sig1=("@authority")', ['"@authority"']],
    ['sig1=("@authority" "signature-agent")', ['"@authority"', '"signature-agent"']],
    [
      'sig1=("@authority" "signature-agent";key="sig1")',
      ['"@authority"', '"signature-agent";key="sig1"'],
    ],
    [
      'sig1=("signature-agent";key="a" "signature-agent")',
      ['"signature-agent";key="a"', '"signature-agent"'],
    ],
  ])("reads %s", (list, components) => {
    expect(of(list + tail)?.components).toEqual(components);
  });

  test.each([
    'sig1=("@authority";req)',
    'sig1=("@authority";key="sig1")',
    'sig1=("signature-agent";sf)',
    'sig1=("signature-agent";key="sig1";bs)',
    'sig1=("signature-agent"; key="sig1")',
    'sig1=("signature-agent";key=sig1)',
    'sig1=("signature-agent";key="sig 1")',
    'sig1=("signature-agent";key="a" "signature-agent";key="a")',
    'sig1=("content-digest";key="sha-256")',
    'sig1=("a@path")',
    'sig1=("@")',
    "sig1=()",
    "sig1=(@authority)",
    'sig1=("@authority" )',
    'sig1=( "@authority")',
    'sig1=("@authority")("@path")',
    'SIG1=("@authority")',
  ])("reads no %s", (list) => {
    expect(of(list + tail)).toBe(undefined);
  });
});

test("the thumbprint of the key of the RFC is that of the drafts", () => {
  expect(new HolderKey(PRIVATE).thumbprint).toBe(THUMBPRINT);
});

test("the key directory is signed by each key, for its origin and its content", async () => {
  const clock = () => 1_800_000_000.5;
  const signatureAgent = "https://agent.example:8443";
  const key = new HolderKey(PRIVATE, { signatureAgent, clock });
  const other = new HolderKey();
  const response = key.directory([other]);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(
    "application/http-message-signatures-directory+json",
  );
  const body = new Uint8Array(await response.clone().arrayBuffer());
  expect(response.headers.get("content-digest")).toBe(digestOf(body));
  expect(sha256(body)).toHaveLength(32);
  const { keys } = (await response.json()) as { keys: Record<string, string>[] };
  expect(keys.map(({ kid }) => kid)).toEqual([THUMBPRINT, other.thumbprint]);
  expect(keys[0]).toEqual({
    kty: "OKP",
    crv: "Ed25519",
    kid: THUMBPRINT,
    x: "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
    use: "sig",
  });
  const inputs = response.headers.get("signature-input")!.split(", ");
  const signatures = response.headers.get("signature")!.split(", ");
  const publicKeys = [PUBLIC, base64Bytes(keys[1]!.x!.replaceAll("-", "+").replaceAll("_", "/"))!];
  for (const [index, publicKey] of publicKeys.entries()) {
    const label = `sig${index + 1}=`;
    const params = `("@authority";req "content-digest");created=1800000000;expires=1800086400;keyid="${keys[index]!.kid}";tag="http-message-signatures-directory"`;
    expect(inputs[index]).toBe(label + params);
    const base = `"@authority";req: agent.example:8443\n"content-digest": ${digestOf(body)}\n"@signature-params": ${params}`;
    const signature = base64Bytes(signatures[index]!.slice(label.length + 1, -1))!;
    expect(verify(publicKey, new TextEncoder().encode(base), signature)).toBe(true);
  }
  expect(() => other.directory()).toThrow(TypeError);
});
