/** A page of the documentation as the steps that its reader takes, in order. */

export type Step =
  /** Write a file. */
  | { readonly kind: "file"; readonly name: string; readonly text: string }
  /** Run commands in the reader's shell, and compare what they print. */
  | { readonly kind: "run"; readonly text: string; readonly fails: boolean; output?: string }
  /** Run commands in a terminal of their own, until the page ends. */
  | { readonly kind: "terminal"; readonly text: string; output?: string };

const FENCE = /^```(?<info>.*)\n(?<text>[\s\S]*?)^```$/gm;

/**
 * Reads the fenced blocks. ```` ```sh ```` runs, ```` ```sh terminal ```` runs beside the rest,
 * ```` ```sh fails ```` ends with another status than 0, ```` ```sh setup ```` is what a checkout
 * has already, ```` ```js NAME ```` is a file, as with `python` or `yaml`, and ```` ```text ```` is
 * what the commands above it print.
 *
 * @throws Error for a block of another kind, which nothing would test
 */
export function readSteps(page: string): readonly Step[] {
  const steps: Step[] = [];
  for (const { groups } of page.matchAll(FENCE)) {
    const { info = "", text = "" } = groups!;
    const [language, word = ""] = info.split(" ");
    const last = steps.at(-1);
    if (info === "sh setup") continue;
    if (/^(?:js|python|yaml)$/.test(language ?? "") && word !== "")
      steps.push({ kind: "file", name: word, text });
    else if (info === "sh terminal") steps.push({ kind: "terminal", text });
    else if (info === "sh" || info === "sh fails")
      steps.push({ kind: "run", text, fails: word === "fails" });
    else if (info === "text" && last !== undefined && last.kind !== "file") last.output = text;
    else throw new Error(`no test would run the block \`\`\`${info}`);
  }
  return steps;
}

/** What commands print, as a pattern: `…` stands for anything, also for several lines. */
export function patternOf(output: string, { isWhole }: { readonly isWhole: boolean }): RegExp {
  const parts = output
    .trim()
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^\\s*${parts.join("[\\s\\S]*?")}${isWhole ? "\\s*$" : ""}`);
}
