/** Which names of a model the rules of the genai-prices catalogue make certain. */
import { z } from "zod";
import { DATE_MARK } from "./name.ts";

export type MatchLogic =
  | { readonly or: readonly MatchLogic[] }
  | { readonly and: readonly MatchLogic[] }
  | { readonly equals: string }
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly regex: string };

export const matchLogic: z.ZodType<MatchLogic> = z.lazy(() =>
  z.union([
    z.object({ or: z.array(matchLogic) }),
    z.object({ and: z.array(matchLogic) }),
    z.object({ equals: z.string() }),
    z.object({ starts_with: z.string() }),
    z.object({ ends_with: z.string() }),
    z.object({ contains: z.string() }),
    z.object({ regex: z.string() }),
  ]),
);

export interface Matched {
  readonly id: string;
  readonly match: MatchLogic;
}

const SAMPLE_DATES = ["20260131", "2026-01-31"];

/**
 * The names of a model that this catalogue gives to no model before it. What a rule accepts by its
 * beginning is taken for that beginning and for dated versions of it, and for nothing else:
 * `claude-sonnet-5` begins `claude-sonnet-5-5` as well, which is another model. Names of fine-tuned
 * models end with words of their owner, so their beginning is enough.
 */
export function matchedNames(models: readonly Matched[], model: Matched): readonly string[] {
  const isOf = (name: string) => models.find(({ match }) => matches(match, name)) === model;
  const names = new Set<string>();
  if (isOf(model.id)) names.add(model.id);
  for (const candidate of candidates(model.match)) {
    const { text, isBeginning } = candidate;
    if (!/[-@]$/.test(text) && isOf(text)) names.add(text);
    if (!isBeginning) continue;
    if (text.startsWith("ft:")) names.add(`${text}*`);
    const stem = /[-@]$/.test(text) ? text : `${text}-`;
    const dated = SAMPLE_DATES.map((date) =>
      models.find(({ match }) => matches(match, stem + date)),
    );
    if (dated.includes(model as (typeof models)[number]))
      if (dated.every((found) => found === undefined || found === model))
        names.add(stem + DATE_MARK);
  }
  return [...names];
}

interface Candidate {
  readonly text: string;
  readonly isBeginning: boolean;
}

function candidates(match: MatchLogic): readonly Candidate[] {
  if ("or" in match) return match.or.flatMap(candidates);
  if ("and" in match) return match.and.flatMap(candidates);
  if ("equals" in match) return [{ text: match.equals, isBeginning: false }];
  if ("ends_with" in match) return [{ text: match.ends_with, isBeginning: false }];
  if ("starts_with" in match) return [{ text: match.starts_with, isBeginning: true }];
  if ("contains" in match) return [{ text: match.contains, isBeginning: true }];
  // A name with a date behind it, such as `^gpt-6-sol-\d{4}-\d{2}-\d{2}$`.
  const [, stem] = /^\^((?:[\w/-]|\\\.)+-)\\d/.exec(match.regex) ?? [];
  return stem === undefined ? [] : [{ text: stem.replaceAll("\\.", "."), isBeginning: true }];
}

/** As the catalogue's own library decides it. */
export function matches(match: MatchLogic, name: string): boolean {
  const text = name.toLowerCase();
  if ("or" in match) return match.or.some((each) => matches(each, name));
  if ("and" in match) return match.and.every((each) => matches(each, name));
  if ("equals" in match) return text === match.equals.toLowerCase();
  if ("starts_with" in match) return text.startsWith(match.starts_with.toLowerCase());
  if ("ends_with" in match) return text.endsWith(match.ends_with.toLowerCase());
  if ("contains" in match) return text.includes(match.contains.toLowerCase());
  return new RegExp(match.regex).test(name);
}
