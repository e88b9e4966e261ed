/** A request that the gateway refuses, by the code of an error or by the reason for it. */
import { BudgetError, DeniedError, explain, type Refusal, SigilError } from "l8nt";
import { concealed } from "l8nt/service";
import { withoutCredentials } from "../secrecy.ts";
import { BodyError } from "./body/error.ts";
import { UnreadBody } from "./core/body.ts";
import { NoSlot } from "./core/slots.ts";
import { SHOWN } from "./denial-table.ts";
import type { DenialFacts, Dialect } from "./presets/dialect.ts";
import { RequestRefused } from "./presets/refused.ts";

/** Thrown where a request is refused, and shown in the dialect of its route. */
export class Denied extends Error {
  override readonly name = "Denied";
  readonly facts: DenialFacts;
  readonly retryAfterSeconds: number | undefined;
  /** More lines of the head, such as a challenge: name, value, name, value. */
  readonly fields: readonly string[];
  /** In place of that of the route, for what a client of L402 reads in the problem. */
  readonly dialect: Dialect | undefined;
  /** Of a credential: what refused. */
  readonly refusals: readonly Refusal[];

  constructor(
    facts: DenialFacts,
    retryAfterSeconds?: number,
    fields: readonly string[] = [],
    dialect?: Dialect,
    refusals: readonly Refusal[] = [],
  ) {
    // It may name a model, a key of a body or a path, which is where a key was put by mistake.
    const detail = withoutCredentials(facts.detail);
    super(detail);
    this.dialect = dialect;
    this.fields = fields;
    this.refusals = refusals;
    this.facts = { ...facts, detail };
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * The fields of a denial: a 401 names what is taken, unless it has a challenge. RFC 9110 §15.5.2.
 */
export const withScheme = (
  status: number,
  fields: readonly string[],
  { bareChallenge }: { readonly bareChallenge: string },
): readonly string[] =>
  status === 401 && fields.length === 0 ? ["www-authenticate", bareChallenge] : fields;

/** What an agent must present. */
export const TAKES = "this gateway takes a Sigil credential as the API key, sk-sigil-….";

/** SDKs wait no longer, and try again meanwhile. */
const LONGEST_RETRY_SECONDS = 60;
/** A minute is counted in sixtieths, so one that is full is whole again up to one later. */
const RATE_SLOT_SECONDS = 1;

/**
 * The denial that an error means here.
 *
 * @param now Unix seconds
 * @throws an error that is a fault of the gateway
 */
export function denialOf(error: unknown, now: number = Date.now() / 1000): Denied {
  if (error instanceof Denied) return error;
  if (error instanceof UnreadBody)
    return new Denied(
      {
        status: error.status,
        code: error.status === 503 ? "overloaded" : "body_refused",
        title: "The body was not read",
        detail: error.message,
      },
      error.status === 503 ? 1 : undefined,
    );
  if (error instanceof NoSlot)
    return new Denied(
      {
        status: 503,
        code: "overloaded",
        title: "Too many requests wait",
        detail: "Sigil: too many requests of this key wait for the vendor. Try again.",
      },
      1,
    );
  if (error instanceof BodyError || error instanceof RequestRefused)
    return new Denied({
      status: error.status,
      code: error.code,
      title: "The request was not sent",
      detail: error.message,
    });
  if (!(error instanceof SigilError)) throw error;
  const known = concealed(error);
  const waitSeconds = waitOf(known, now);
  const shown = waitSeconds === undefined ? SHOWN[known.code] : SHOWN.ERR_RATE_LIMITED;
  if (shown === undefined) throw error;
  const { status, code, title } = shown;
  const { retryAfterSeconds = waitSeconds ?? shown.retryAfterSeconds } = known;
  return new Denied(
    { status, code, title, detail: textOf(known, code), members: membersOf(known) },
    retryAfterSeconds && Math.min(LONGEST_RETRY_SECONDS, Math.ceil(retryAfterSeconds)),
    [],
    undefined,
    error instanceof DeniedError ? error.refusals : [],
  );
}

/**
 * Seconds after which every limit that refused is whole again, of rates alone. Undefined of one
 * that no retry within a minute passes, such as uses a day: SDKs that send it again only wait.
 */
function waitOf(error: SigilError, now: number): number | undefined {
  if (!(error instanceof DeniedError)) return undefined;
  const waits = error.refusals.map(({ code, resetsAt = Number.POSITIVE_INFINITY }) =>
    code === "ERR_USES" ? Math.max(1, resetsAt - now) : Number.POSITIVE_INFINITY,
  );
  const longest = Math.max(...waits);
  return longest <= LONGEST_RETRY_SECONDS + RATE_SLOT_SECONDS ? longest : undefined;
}

function textOf(error: SigilError, code: string): string {
  // Most often the vendor's own key, of an agent that was not changed over.
  if (error.code === "ERR_TOKEN_MALFORMED")
    return `Sigil: the API key is no Sigil credential, or not a whole one: ${TAKES}`;
  if (!(error instanceof DeniedError)) return `Sigil: ${error.message}`;
  const lead = error instanceof BudgetError ? "This key has too little left. " : "";
  const reasons = error.refusals.map(explain);
  const node = error.refusals[0]!.node?.id;
  const where = node === undefined ? "" : `, node ${node}`;
  return `Sigil: ${lead}${reasons.join(". ")}. (${code}${where})`;
}

/** For programs: whose limit denied first, and what it has and needs. */
function membersOf(error: SigilError): NonNullable<DenialFacts["members"]> {
  if (!(error instanceof DeniedError)) return { sigil: error.code };
  const first = error.refusals[0]!;
  const { resetsAt } = first;
  const isOfBudget = error instanceof BudgetError;
  return {
    sigil: error.code,
    ...(first.node !== undefined && { node: first.node.id }),
    ...(first.node?.agent !== undefined && { agent: first.node.agent }),
    condition: first.condition,
    need: first.need,
    [isOfBudget ? "left" : "have"]: first.have,
    ...(resetsAt !== undefined && { resets_at: new Date(resetsAt * 1000).toISOString() }),
  };
}
