/** Our books beside a vendor's numbers, by day and model. */
import { MEASURES, type Measure } from "./columns.ts";
import { type Numbers, partsOf } from "./export.ts";

export interface Line {
  readonly day: string;
  readonly model: string;
  readonly measure: Measure;
  readonly ours: number;
  readonly theirs: number;
  /** How much more we have, in percent of theirs; infinite for what they do not have. */
  readonly driftPercent: number;
}

export interface Comparison {
  readonly lines: readonly Line[];
  /** Of all days and models. */
  readonly totals: readonly Omit<Line, "day" | "model">[];
}

/** Compares the measures that the vendor's export has, and the days that lie in it. */
export function compare(
  ours: ReadonlyMap<string, Numbers>,
  theirs: ReadonlyMap<string, Numbers>,
): Comparison {
  const days = [...theirs.keys()].map((key) => partsOf(key)[0]).sort();
  const isInside = (key: string): boolean => {
    const [day] = partsOf(key);
    return day >= days[0]! && day <= days.at(-1)!;
  };
  const keys = [...new Set([...theirs.keys(), ...[...ours.keys()].filter(isInside)])].sort();
  const measures = MEASURES.filter((measure) =>
    [...theirs.values()].some((numbers) => measure in numbers),
  );
  const lines = keys.flatMap((key) =>
    measures.flatMap((measure): Line[] => {
      const [day, model] = partsOf(key);
      const [own, other] = [ours.get(key)?.[measure] ?? 0, theirs.get(key)?.[measure] ?? 0];
      if (own === 0 && other === 0) return [];
      return [{ day, model, measure, ours: own, theirs: other, driftPercent: drift(own, other) }];
    }),
  );
  const totals = measures.map((measure) => {
    const of = lines.filter((line) => line.measure === measure);
    const own = of.reduce((sum, line) => sum + line.ours, 0);
    const other = of.reduce((sum, line) => sum + line.theirs, 0);
    return { measure, ours: own, theirs: other, driftPercent: drift(own, other) };
  });
  return { lines, totals };
}

function drift(ours: number, theirs: number): number {
  // Sums of cents are not exact in binary.
  if (Math.abs(ours - theirs) < 1e-9) return 0;
  return theirs === 0 ? Number.POSITIVE_INFINITY : ((ours - theirs) / theirs) * 100;
}
