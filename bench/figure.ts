/**
 * One measured figure, as `npm run -s bench` prints it: a ratio of one run, a count, or
 * milliseconds if the limit is in milliseconds.
 */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "×" | "%" | "ms" | "bytes" | "lines" | "µs" | "1/s" | "files" | "s" | "receipts";
  /** Undefined for a figure that explains another. */
  readonly target?: number;
  readonly met?: boolean;
  /** The reference that was measured in the same run. */
  readonly against: string;
}

/** What is measured: figures, and what explains them in another form. */
export type Measured =
  | readonly Figure[]
  | { readonly figures: readonly Figure[]; readonly details: Readonly<Record<string, unknown>> };

/** @param part a part of the area, as `area:part` names it; not every area has parts */
export type Area = (progress: (text: string) => void, part?: string) => Promise<Measured>;

const rounded = (value: number): number => Number(value.toPrecision(4));

const judged =
  (isMet: (value: number, target: number) => boolean) =>
  (name: string, value: number, unit: Figure["unit"], target: number, against: string): Figure => ({
    name,
    value: rounded(value),
    unit,
    target,
    met: isMet(value, target),
    against,
  });

export const atLeast = judged((value, target) => value >= target);
export const atMost = judged((value, target) => value <= target);

export const plain = (
  name: string,
  value: number,
  unit: Figure["unit"],
  against: string,
): Figure => ({
  name,
  value: rounded(value),
  unit,
  against,
});

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
};
