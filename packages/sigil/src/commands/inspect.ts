/** `sigil inspect`: prints the caveats of a credential as a tree, without preimage or signature. */
import type { Credential, Refusal } from "l8nt";
import { issuedOf } from "l8nt/biscuit";
import { drawn } from "../branches.ts";
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { CREDENTIAL_FLAGS, credentialText, oneCredential, readStdin } from "../input.ts";
import { printable } from "../secrecy.ts";
import { inWords } from "../words.ts";

export const inspect = command({
  name: "inspect",
  summary: "show what a credential allows, node by node",
  usage: "[CREDENTIAL | -]",
  help: `Reads the credential from SIGIL_CREDENTIAL or stdin. It can also be an argument, but then other
users can see it in the list of processes. Verifies nothing: that needs the
minter's secret, and \`sigil verify\`; or, in the public-key form, the issuer's key.`,
  flags: CREDENTIAL_FLAGS,
  positionals: 1,
  async run(given, terminal) {
    const [argument] = given.positionals;
    if (argument !== undefined && (given.has("credential") || given.has("credential-file")))
      throw new UsageError("Give the credential once.");
    if (argument !== undefined && argument !== "-")
      terminal.note(
        "sigil: other users can see arguments; pipe the credential in, or set SIGIL_CREDENTIAL",
      );
    const text =
      argument === undefined
        ? await credentialText(given, terminal, { pipe: true })
        : argument === "-"
          ? await readStdin(terminal)
          : argument;
    const credential = oneCredential(text);
    const described = describe(credential, Date.now() / 1000);
    const hide = hider(credential);
    terminal.answer(hide(textOf(described)), JSON.parse(hide(JSON.stringify(described))));
    return EXIT.ok;
  },
});

interface Described {
  readonly form: "macaroon" | "biscuit";
  /** The origin that the public-key form names as its issuer; null for a macaroon. */
  readonly issuer: string | null;
  /** Whether nobody can append to it. */
  readonly sealed: boolean;
  readonly location: string;
  readonly paymentHash: string;
  readonly paid: boolean;
  readonly validUntil: number | null;
  readonly nodes: readonly {
    readonly agent: string | null;
    readonly caveats: readonly { readonly caveat: string; readonly means: readonly string[] }[];
  }[];
  /** Refusals of every request now, by an end in the past or an unreadable caveat. */
  readonly denies: readonly Refusal[];
}

function describe(credential: Credential, now: number): Described {
  const { chain, location, paymentHash, isPaid } = credential;
  const issued = issuedOf(credential);
  return {
    form: issued === undefined ? "macaroon" : "biscuit",
    issuer: issued?.issuer ?? null,
    sealed: issued?.isSealed ?? false,
    location,
    paymentHash,
    paid: isPaid,
    validUntil: chain.validUntil ?? null,
    nodes: chain.nodes.map((node) => ({
      agent: node.agent ?? null,
      caveats: chain.texts
        .filter((text) => text.node === node)
        .map((text) => ({
          caveat: text.isSecret ? text.condition : `${text.condition}=${text.value}`,
          means: inWords(text, now),
        })),
    })),
    denies: chain.refusals({ now, target: "self" }),
  };
}

function textOf(described: Described): string {
  const { issuer, sealed, location, paymentHash, paid, nodes, denies } = described;
  const tree = nodes.reduceRight<Parameters<typeof drawn>[0] | undefined>(
    (child, { agent, caveats }) => ({
      heading: agent ?? "root",
      details: caveats.flatMap(({ means }) => means),
      children: child === undefined ? [] : [child],
    }),
    undefined,
  )!;
  return [
    `An L402 credential. Not verified: that needs the ${issuer === null ? "secret of its minter" : "public key of its issuer"}.`,
    "",
    ...(issuer === null ? [] : [`issuer        ${printable(issuer)}`]),
    ...(sealed ? ["sealed        nobody can narrow it further"] : []),
    `spent at      ${location === "" ? "(no location)" : printable(location)}`,
    `payment hash  ${paymentHash}`,
    `preimage      ${paid ? "proves the payment" : "does NOT prove the payment: it will be refused"}`,
    "",
    ...drawn(tree),
    ...(denies.length > 0
      ? [
          "",
          "It allows nothing now:",
          ...denies.map(({ condition, have }) => `  ${condition}: ${printable(have)}`),
        ]
      : []),
    "",
  ].join("\n");
}

/** Hides copies of what ends its two halves: the preimage, and the token's signature or key. */
function hider(credential: Credential): (text: string) => string {
  const [token = "", preimage = ""] = credential.toString().split(":");
  const end = Buffer.from(token, "base64").subarray(-32).toString("hex");
  const secrets = new RegExp(`${preimage}|${end}`, "gi");
  return (text) => text.replace(secrets, "(not shown)");
}
