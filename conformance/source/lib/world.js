/** What every case shares, and how a case is written. */
import {
  beginChain,
  caveatBlock,
  head,
  open,
  placeOf,
  publicKeyOf,
  sealOf,
  signedBlock,
  tokenBytes,
} from "./biscuit.js";
import { hex, macaroonBytes, placeId, rootOf, sha256, signatures } from "./macaroon.js";

export const NOW = 1_800_000_000;
/** The worked example of spec/1-credential.md §7. */
export const SECRET = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
export const OTHER_SECRET = sha256("another secret of the conformance suite").toString("hex");
export const PREIMAGE = SECRET;
export const PAYMENT_HASH = sha256(hex(PREIMAGE)).toString("hex");
export const LOCATION = "https://api.example";
export const ISSUER = "https://treasury.example";
export const SEED = sha256("an issuer of the conformance suite");
export const OTHER_SEED = sha256("another issuer of the conformance suite");
export const ISSUER_KEY = publicKeyOf(SEED).toString("hex");
export const OTHER_KEY = publicKeyOf(OTHER_SEED).toString("hex");

const RANDOM = "1c1b1a191817161514131211100f0e0d0c0b0a090807060504030201";
export const root = rootOf(hex(SECRET));

export const identifierOf = (hash = PAYMENT_HASH, rootId = root.id) =>
  Buffer.concat([Buffer.alloc(2), hex(hash), rootId, hex(RANDOM)]);

export const text = (token, preimage = PREIMAGE) =>
  `${Buffer.from(token).toString("base64")}:${preimage}`;

/** A macaroon credential with these caveats, with its places. */
export function macaroon(blocks, { location = LOCATION, secret = SECRET, preimage } = {}) {
  const { key, id } = rootOf(hex(secret));
  const caveats = blocks.flat().map((one) => Buffer.from(one));
  const identifier = identifierOf(PAYMENT_HASH, id);
  const all = signatures(key, identifier, caveats);
  const bytes = macaroonBytes({ key, location, identifier, caveats });
  return {
    bytes,
    text: text(bytes, preimage),
    /** The place after that many caveats of the whole chain. */
    place: (count) => placeId(all[count]),
    signatures: all,
  };
}

export const AUTHORITY = { issuer: ISSUER, location: LOCATION, paymentHash: hex(PAYMENT_HASH) };

/** A credential of the public-key form, a block for each list of caveats, with its places. */
export function biscuit(blocks, options = {}) {
  const { seed = SEED, keyId = 0, sealed = false, unreadable = [], authority, preimage } = options;
  const first = head({ ...AUTHORITY, ...authority });
  const [own, ...more] = blocks.map((caveats) => caveatBlock(caveats, unreadable));
  const all = [
    { facts: [...first.facts, ...own.facts], checks: [...first.checks, ...own.checks] },
    ...more,
  ];
  return signedToken(all, {
    seed,
    keyId,
    sealed,
    lists: blocks,
    preimage,
    versions: options.versions,
  });
}

/** A token of any blocks. */
export function signedToken(
  blocks,
  { seed = SEED, keyId = 0, sealed = false, lists = [], preimage, versions, version } = {},
) {
  const { chain, nextSecret } = beginChain({
    seed,
    blocks,
    ...(versions && { versions }),
    ...(version !== undefined && { version }),
  });
  const proof = sealed ? sealOf(chain.at(-1), nextSecret) : open(nextSecret);
  const bytes = tokenBytes({ keyId, blocks: chain, proof });
  const place = (count) => {
    let rest = count;
    for (const [at, list] of lists.entries()) {
      if (rest <= list.length && (rest > 0 || at === 0))
        return placeOf(chain.slice(0, at + 1), rest);
      rest -= list.length;
    }
    throw new Error(`no place after ${count} caveats`);
  };
  const signedBlocks = chain.map((one) => signedBlock(one).toString("base64"));
  return { bytes, text: text(bytes, preimage), place, chain, nextSecret, proof, signedBlocks };
}

export const VERIFIERS = {
  macaroon: { kind: "service", location: LOCATION, ledger: LOCATION, secrets: [SECRET] },
  biscuit: {
    kind: "service",
    location: LOCATION,
    ledger: LOCATION,
    issuers: [{ issuer: ISSUER, keyId: 0, publicKey: ISSUER_KEY }],
  },
};
const MAKERS = { macaroon, biscuit };

/** The request as page 2 §3 compares it, for a target that needs no change. */
function accessOf({ method, origin, target }) {
  const url = new URL(origin);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const [path] = target.split("?", 1);
  return `${method} ${url.protocol}//${url.hostname}:${port}${path}`;
}

/** @param request `GET https://api.example/a`, "self", or a whole request without its time */
export function requestOf(request = "GET https://api.example/a", now = NOW) {
  if (request === "self") return { now, own: true };
  if (typeof request === "string") {
    const [, method, origin, target] = /^(\S+) (https?:\/\/[^/]+)(\/.*)$/s.exec(request);
    return { now, method, origin, target, access: accessOf({ method, origin, target }) };
  }
  const { at, ...rest } = request;
  return { ...requestOf(at, now), ...rest };
}

export const ok = { ok: true };
export const deny = (code) => ({ ok: false, ...(code !== undefined && { code }) });

/** The page and section that the cases behind it quote. */
export const from = (page, section) => (sentence) => ({ page, section, sentence });

/** What a macaroon library may read. */
export const LAX = {
  without: "strict",
  verdict: true,
  page: "1-credential",
  section: "1",
  sentence:
    "A macaroon library alone reads more: a length with bytes too many, a location that is not UTF-8, bytes behind the signature, third-party caveats, larger macaroons.",
};

/** What a Biscuit library may refuse: it has no ledger, and judges no condition without a check of its own. */
const ALONE = {
  verdict: false,
  page: "9-public-key",
  section: "5",
  sentence:
    "A library alone adds no `counted` fact, so a credential with a limit is refused by it: that is meant.",
};
const COUNTED = ["limits", "counted"];

/** The command that judges a credential. @param verifier what is other than usual */
export const verifying = (form, credential, verifier = {}, request = requestOf()) => ({
  ...{ do: "verify", form, credential },
  ...{ verifier: { ...VERIFIERS[form], ...verifier }, revoked: [], request, before: [] },
});

/** A library without a ledger can be asked about limits of the public-key form: it refuses. */
function lacking(form, needs, mark) {
  const without = form === "biscuit" ? needs.find((need) => COUNTED.includes(need)) : undefined;
  if (without === undefined) return { needs, ...(mark && { mayDiffer: mark }) };
  return {
    needs: needs.filter((need) => !COUNTED.includes(need)),
    mayDiffer: { without, ...ALONE },
  };
}

/**
 * Cases of one verification, one for each form.
 *
 * @param blocks lists of caveats: blocks of a biscuit, one chain of a macaroon
 */
export function judged({
  title,
  blocks = [[]],
  request,
  now = NOW,
  before = [],
  verifier = {},
  revoked = [],
  expect,
  spec,
  forms = ["macaroon", "biscuit"],
  needs = [],
  options = {},
  mark,
}) {
  return forms.map((form) => {
    const made = MAKERS[form](blocks, options);
    const revokedIds = revoked.map((one) => (typeof one === "number" ? made.place(one) : one));
    const verdict = typeof expect === "function" ? expect(made, form) : expect;
    return {
      title,
      form,
      ...lacking(form, needs, mark),
      steps: [
        {
          command: {
            ...verifying(form, made.text, { ...verifier, ...verifier[form] }),
            revoked: revokedIds,
            request: requestOf(request, now),
            before: before.map(({ blocks: other, times = 1, request: asked, now: then = now }) => ({
              ...(other && { credential: MAKERS[form](other, options).text }),
              request: requestOf(asked ?? request, then),
              times,
            })),
          },
          expect: verdict,
        },
      ],
      spec,
    };
  });
}

/** A case of one command. */
export const asked = ({ title, form, needs = [], command, expect, spec, mark }) => ({
  title,
  form,
  needs,
  ...(mark && { mayDiffer: mark }),
  steps: [{ command: { ...command, form }, expect }],
  spec,
});

/** What a library that evaluates Datalog alone may let through. */
export const LIBRARY = {
  without: "profile",
  verdict: true,
  page: "9-public-key",
  section: "5",
  sentence:
    "It also accepts spellings that §1 refuses, and blocks that §2 refuses; a block can only take away, so this allows nothing more.",
};
