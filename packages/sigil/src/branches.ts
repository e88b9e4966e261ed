/** Draws a tree as text, with box-drawing characters. */

/** A branch of the tree. */
export interface Branch {
  readonly heading: string;
  /** Lines below the heading that belong to it. */
  readonly details: readonly string[];
  readonly children: readonly Branch[];
}

/** Columns by which each level is indented. */
export const INDENT = 3;

/** The lines of a branch and of the branches below it. */
export function drawn({ heading, details, children }: Branch): readonly string[] {
  const rail = children.length > 0 ? "│  " : "   ";
  return [
    heading,
    ...details.map((line) => rail + line),
    ...children.flatMap((child, at) => {
      const isLast = at === children.length - 1;
      const [first, ...rest] = drawn(child);
      return [
        "│",
        `${isLast ? "└─ " : "├─ "}${first}`,
        ...rest.map((line) => (isLast ? "   " : "│  ") + line),
      ];
    }),
  ];
}
