/** A tree as text, with box-drawing characters. */

export interface Branch {
  readonly heading: string;
  /** Lines below the heading that belong to it. */
  readonly details: readonly string[];
  readonly children: readonly Branch[];
}

/** How far each level is indented. */
export const INDENT = 3;

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
