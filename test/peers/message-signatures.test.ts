/** Other implementations of RFC 9421 verify what a holder signs, and sign what a paywall takes. */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { join } from "node:path";
import {
  component,
  createSignature,
  type SignatureMessage,
  verifySignature,
  webcrypto as webCrypto,
} from "http-message-sig";
import { createSigner, createVerifier, httpbis } from "http-message-signatures";
import { HolderKey } from "l8nt/holder";
import { Authority } from "l8nt/l402";
import { Paywall } from "l8nt/service";
import { describe, expect, test } from "vitest";
import { signatureHeaders, verify } from "web-bot-auth";
import { signerFromJWK, verifierFromJWK } from "web-bot-auth/crypto";
import { python, started } from "./python/venv.ts";

const ORIGIN = "https://api.example";
const AGENT = "https://agent.example";
const TAG = "web-bot-auth";
const DIRECTORY_TAG = "http-message-signatures-directory";
const PRIVATE = "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5";
const secret = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";

const key = new HolderKey(PRIVATE, { signatureAgent: AGENT });
const { thumbprint: keyid, publicKey } = key;
const base64Url = (hex: string) => Buffer.from(hex, "hex").toString("base64url");
const jwk = { kty: "OKP", crv: "Ed25519", x: base64Url(publicKey) };
const privateJwk = { ...jwk, d: base64Url(PRIVATE) };
const privateKey: KeyObject = createPrivateKey({ key: privateJwk, format: "jwk" });
const cryptoKey = (use: "sign" | "verify") =>
  crypto.subtle.importKey("jwk", use === "sign" ? privateJwk : jwk, "Ed25519", true, [use]);

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

interface Peer {
  /** Whether the signature with the tag is right: of the answer, if there is one. */
  verifies(sent: Sent, tag: string, answered?: Answered): Promise<boolean>;
  /** The fields of a signature that covers these components. */
  signs(sent: Sent, components: readonly string[], nonce: string): Promise<object>;
}

const isRight = (attempt: Promise<unknown>): Promise<boolean> =>
  attempt.then(
    (verdict) => verdict !== false && verdict !== null,
    () => false,
  );
const requestOf = ({ body, ...init }: Sent) =>
  new Request(init.url, { ...init, ...(body !== "" && { body }) });
const times = () => {
  const created = new Date(Math.floor(Date.now() / 1000) * 1000);
  return { created, expires: new Date(created.getTime() + 60_000) };
};

const nodeHttpbis: Peer = {
  verifies: (sent, _tag, answered) => {
    const config = {
      keyLookup: async () => ({
        id: keyid,
        algs: ["ed25519" as const],
        verify: createVerifier(createPublicKey(privateKey), "ed25519"),
      }),
    };
    return isRight(
      answered === undefined
        ? httpbis.verifyMessage(config, sent)
        : httpbis.verifyMessage(config, answered, sent),
    );
  },
  async signs(sent, components, nonce) {
    const { headers } = await httpbis.signMessage(
      {
        key: createSigner(privateKey, "ed25519", keyid),
        fields: [...components],
        params: ["created", "expires", "nonce", "keyid", "tag"],
        paramValues: { ...times(), nonce, tag: TAG },
      },
      sent,
    );
    return headers;
  },
};

const httpMessageSig: Peer = {
  async verifies(sent, tag, answered) {
    const message: SignatureMessage =
      answered === undefined
        ? requestOf(sent)
        : {
            kind: "response",
            status: answered.status,
            fields: Object.entries(answered.headers).map(([name, value]) => ({ name, value })),
            request: requestOf(sent),
          };
    const verifier = webCrypto.verifier(await cryptoKey("verify"));
    return isRight(
      verifySignature(message, {
        label: "sig1",
        policy: {
          algorithms: ["ed25519"],
          requiredComponents: [
            answered === undefined ? "@authority" : component("@authority", { req: true }),
          ],
          requiredParameters: ["created", "expires", "keyid", "tag"],
          validate: ({ parameters }) => parameters.tag === tag && parameters.keyid === keyid,
        },
        resolveVerifier: () => verifier,
      }),
    );
  },
  async signs(sent, components, nonce) {
    const { created, expires } = times();
    const { signature, signatureInput } = await createSignature(requestOf(sent), {
      label: "any",
      components,
      parameters: {
        created: created.getTime() / 1000,
        expires: expires.getTime() / 1000,
        nonce,
        keyid,
        tag: TAG,
      },
      signer: webCrypto.signer(await cryptoKey("sign")),
    });
    return { signature, "signature-input": signatureInput };
  },
};

const webBotAuth: Peer = {
  verifies: async (sent) => isRight(verify(requestOf(sent), await verifierFromJWK(jwk))),
  async signs(sent, components) {
    const { Signature, "Signature-Input": input } = await signatureHeaders(
      requestOf(sent),
      await signerFromJWK(privateJwk),
      { ...times(), components: components as never },
    );
    return { signature: Signature, "signature-input": input };
  },
};

const interpreter = python(join(import.meta.dirname, "python/requirements-signatures.txt"));
const inPython: Peer = {
  async verifies(sent, tag, response) {
    const { ask } = started(interpreter!, "signatures.py");
    const question = { do: "verify", ...sent, tag, publicKey, keyid, response };
    const answer = await ask<{ isRight?: boolean; error?: string }>(question);
    if (answer.isRight === undefined) throw new Error(answer.error);
    return answer.isRight;
  },
  async signs(sent, components, nonce) {
    const { ask } = started(interpreter!, "signatures.py");
    const question = { do: "sign", ...sent, components, nonce, privateKey: PRIVATE, keyid };
    const answer = await ask<{ headers?: object; error?: string }>(question);
    if (answer.headers === undefined) throw new Error(answer.error);
    return answer.headers;
  },
};

/** Version 0.1, which stands on version 0.2 of http-message-sig. */
const OLD = "npm web-bot-auth";
const peers: [string, Peer][] = [
  ["npm http-message-signatures", nodeHttpbis],
  ["npm http-message-sig", httpMessageSig],
  [OLD, webBotAuth],
  ...(interpreter === undefined
    ? []
    : [["PyPI http-message-signatures", inPython] satisfies [string, Peer]]),
];

const authority = new Authority({ secret, location: ORIGIN });
const credential = authority.minter.mint({
  endpoints: [`* ${ORIGIN}/**`],
  expiresIn: "1h",
  holder: keyid,
});
const authorization = `L402 ${credential}`;
const SHAPES: [method: string, body: string][] = [
  ["GET", ""],
  ["POST", '{"a":1}'],
];
const url = `${ORIGIN}/a/b?c=d`;

function signedByUs(method: string, body: string, by = key): Sent {
  const plain = new Request(url, { method, headers: { authorization } });
  const headers = by.sign(plain, body === "" ? undefined : new TextEncoder().encode(body));
  return { method, url, body, headers: Object.fromEntries(headers) };
}

describe.each(peers)("%s", (name, peer) => {
  test.each(SHAPES)("verifies a %s that a holder signed, and no other", async (method, body) => {
    // This one reads no members of dictionaries.
    const isOld = name === OLD;
    const sent = signedByUs(method, body, isOld ? new HolderKey(PRIVATE) : key);
    expect(await peer.verifies(sent, TAG)).toBe(true);
    expect(await peer.verifies({ ...sent, url: `${ORIGIN}/a/c?c=d` }, TAG)).toBe(false);
    const field = isOld ? "sigil-holder" : "signature-agent";
    const other = { ...sent.headers, [field]: 'sig1="https://mallory.example"' };
    expect(await peer.verifies({ ...sent, headers: other }, TAG)).toBe(false);
  });

  test.each(SHAPES)("signs a %s that a paywall takes, once", async (method, body) => {
    const paywall = new Paywall({ location: ORIGIN, secret });
    const { "content-digest": digest } = signedByUs(method, body).headers;
    const headers = {
      authorization,
      "sigil-holder": publicKey,
      ...(digest !== undefined && { "content-digest": digest }),
    };
    const components = ["@authority", "@query", "@path", "@method", ...Object.keys(headers)];
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(64))).toString("base64");
    const sent: Sent = { method, url, body, headers };
    const fields = Object.entries(await peer.signs(sent, components, nonce)) as [string, string][];
    const signed = { ...sent, headers: { ...headers, ...Object.fromEntries(fields) } };
    const ask = async (request: Request) => (await paywall.authorize(request)).granted;
    expect(await ask(requestOf({ ...signed, url: `${ORIGIN}/a/c?c=d` }))).toBe(false);
    expect(await ask(requestOf(signed))).toBe(true);
    expect(await ask(requestOf(signed))).toBe(false);
  });

  // That one signs a directory as an older draft had it.
  test.skipIf(name === OLD)(
    "verifies the key directory of an agent, for its origin alone",
    async () => {
      const response = key.directory();
      const answered = { status: 200, headers: Object.fromEntries(response.headers) };
      const asked = (origin: string): Sent => ({
        method: "GET",
        url: `${origin}/.well-known/http-message-signatures-directory`,
        headers: {},
        body: "",
      });
      expect(await peer.verifies(asked(AGENT), DIRECTORY_TAG, answered)).toBe(true);
      expect(await peer.verifies(asked("https://b.example"), DIRECTORY_TAG, answered)).toBe(false);
      const changed = { ...answered.headers, "content-digest": "sha-256=:AAAA:" };
      expect(
        await peer.verifies(asked(AGENT), DIRECTORY_TAG, { status: 200, headers: changed }),
      ).toBe(false);
    },
  );
});
