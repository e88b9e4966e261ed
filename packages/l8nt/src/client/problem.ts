/** Problem details of another Sigil end, read back to the error that it was there. */
import {
  AdapterError,
  BudgetError,
  type ChallengeCode,
  ChallengeError,
  DeniedError,
  type PaymentCode,
  PaymentError,
  type Refusal,
  type SigilError,
  type Spent,
  type TokenCode,
  TokenError,
} from "../errors.ts";
import { readJson } from "../http/body.ts";

const MAX_PROBLEM_BYTES = 65_536;

type Members = Record<string, unknown>;

/** Undefined for an answer that is no problem of ours: it came from something in between. */
export async function readProblem(response: Response): Promise<SigilError | undefined> {
  const members = await readJson(response, MAX_PROBLEM_BYTES).catch(() => undefined);
  if (typeof members !== "object" || members === null) return undefined;
  const { code, detail, spent, refusals } = members as Members;
  if (typeof code !== "string" || typeof detail !== "string") return undefined;
  const list = readRefusals(refusals);
  if (list !== undefined)
    return code === "ERR_BUDGET" || code === "ERR_USES" || code === "ERR_IN_FLIGHT"
      ? new BudgetError(list)
      : new DeniedError(list);
  if (code.startsWith("ERR_TOKEN_")) return new TokenError(code as TokenCode, detail);
  if (isSpent(spent)) return new PaymentError(code as PaymentCode, spent, detail);
  if (/^ERR_(?:CHALLENGE|INVOICE)_/.test(code))
    return new ChallengeError(code as ChallengeCode, detail);
  return new AdapterError(ADAPTER_CODES.find((known) => known === code) ?? "ERR_TREASURY", detail);
}

const ADAPTER_CODES = [
  "ERR_WALLET",
  "ERR_STORE",
  "ERR_TREASURY_STOPPED",
  "ERR_SERVICE_UNREACHABLE",
  "ERR_REQUEST",
  "ERR_TOO_LARGE",
] as const;

const isSpent = (spent: unknown): spent is Spent =>
  spent === "no" || spent === "yes" || spent === "unknown";

function readRefusals(value: unknown): [Refusal, ...Refusal[]] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const valid = value.every((entry: unknown) => {
    const { code, condition, have, need } = Object(entry) as Members;
    return [code, condition, have, need].every((text) => typeof text === "string");
  });
  return valid ? (value as [Refusal, ...Refusal[]]) : undefined;
}
