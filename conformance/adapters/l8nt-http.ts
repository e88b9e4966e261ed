/** The commands about what stands in HTTP messages, and about pages that are fetched. */
import { readBase } from "../../packages/l8nt/src/caveat/target.ts";
import { SigilError } from "../../packages/l8nt/src/errors.ts";
import { feedSource } from "../../packages/l8nt/src/feed/index.ts";
import { HolderProofs, signedPaths } from "../../packages/l8nt/src/holder/proofs.ts";
import { issuersIn } from "../../packages/l8nt/src/l402/issuers.ts";

interface Signed {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly [string, string][];
  /** In hex. */
  readonly body: string;
}

interface HolderCommand {
  readonly location: string;
  readonly thumbprints: readonly string[];
  readonly now: number;
  readonly requests: readonly Signed[];
}

/** The verdict of the last request. */
export async function holder({ location, thumbprints, now, requests }: HolderCommand) {
  const proofs = new HolderProofs(() => now);
  const { host } = new URL(location);
  let signer: string | null = null;
  for (const { method, target, fields, body } of requests) {
    const [, path = "", query = ""] = /^([^?]*)(.*)$/s.exec(target)!;
    const request = {
      ...{ method, authority: host, ...signedPaths(location, readBase(location)!, path) },
      query: query || "?",
      headers: new Headers(fields.map(([name, value]) => [name, value] as [string, string])),
      body: async () => Buffer.from(body, "hex"),
    };
    const credential = { holders: thumbprints, nodes: [{ id: "00".repeat(16) }] };
    signer = await proofs.prove(request, credential as never);
  }
  return signer === null ? { ok: false, code: "ERR_HOLDER" } : { ok: true };
}

interface FeedCommand {
  readonly location: string;
  readonly publicKey: string;
  readonly after: number;
  readonly now: number;
  readonly pages: readonly string[];
}

/** The verdict of the last page, and what was revoked by all. */
export async function feed({ location, publicKey, after, now, pages }: FeedCommand) {
  let next = "";
  const source = feedSource({
    ...{ url: `${location}/.well-known/l402/revocations`, publicKey },
    fetch: async () => new Response(next, { headers: { "content-type": "application/json" } }),
  });
  const end = new AbortController();
  let seq = after;
  const revoked: string[] = [];
  let answer: object = { ok: false };
  for (const page of pages) {
    next = page;
    const following = { location, clock: () => now, seq: () => seq, maxSilenceSeconds: 10 };
    const readings = source({ ...following, signal: end.signal })[Symbol.asyncIterator]();
    try {
      const { value } = await readings.next();
      for (const { node } of value.entries) revoked.push(node);
      seq = value.seq;
      answer = { ok: true, revoked, seq, alive: value.aliveAt !== undefined };
    } catch (error) {
      if (!(error instanceof SigilError)) throw error;
      answer = { ok: false, code: error.code };
    }
    await readings.return?.();
  }
  return answer;
}

export const issuers = ({ lines }: { readonly lines: readonly string[] }) => ({
  ok: true,
  issuers: issuersIn(lines),
});
