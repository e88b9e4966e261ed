/** The text of the demo, for a terminal of 80 columns. */
import { formatAmount } from "l8nt/invoice";
import { readAmountJson } from "../amounts.ts";
import { painter, picture } from "../tree.ts";
import { wrapped } from "../wrap.ts";
import type { PlayedStep, Process, Report } from "./director.ts";
import type { Outcome } from "./outcome.ts";

const WIDTH = 80;

export class Story {
  readonly #colours: boolean;
  readonly #paint: ReturnType<typeof painter>;
  #number = 0;

  constructor(colours: boolean) {
    this.#colours = colours;
    this.#paint = painter(colours);
  }

  opening(processes: readonly Process[]): string {
    const lines = processes.map(
      ({ role, pid, url }) =>
        `  ${role.padEnd(14)}${this.#paint("dim", url === undefined ? `pid ${pid}` : `pid ${pid}`.padEnd(13) + url)}`,
    );
    return `Each part runs as its own process, on loopback TCP:\n\n${lines.join("\n")}\n`;
  }

  step({ title, prompt, outcomes, differences }: PlayedStep): string {
    this.#number++;
    const told = prompt
      ?.split("\n")
      .flatMap((line) => wrapped(line, WIDTH - 9))
      .map((line) => `       ${this.#paint("dim", "┃")} ${this.#paint("italic", line)}`);
    return [
      "",
      ...wrapped(title, WIDTH - 4).map((line, row) =>
        this.#paint("bold", `${row === 0 ? `${this.#number}`.padStart(2) : "  "}  ${line}`),
      ),
      ...(told ?? []),
      ...outcomes.flatMap((outcome) => this.#outcome(outcome)),
      ...differences.map((line) => this.#paint("red", `    !! ${line}`)),
      "",
    ].join("\n");
  }

  #outcome(outcome: Outcome): readonly string[] {
    const { what, granted, reasons = [] } = outcome;
    const mark = granted ? this.#paint("green", "✓") : this.#paint("yellow", "⊘");
    const result = granted ? resultOf(outcome) : denialOf(outcome);
    const paint = (text: string) => (granted ? text : this.#paint("yellow", text));
    const gap = Math.max(2, WIDTH - 6 - what.length - result.length);
    const fits = what.length + result.length + 8 <= WIDTH;
    const first = fits
      ? [`    ${mark} ${what}${" ".repeat(gap)}${paint(result)}`]
      : [
          `    ${mark} ${what}`,
          ...wrapped(result, WIDTH - 8).map((line) => `        ${paint(line)}`),
        ];
    // The text shows the first reason; the JSON has all of them.
    const why = reasons.slice(0, 1).flatMap((reason) => inLines(reason, WIDTH - 8));
    return [
      ...first.map((line) => line.trimEnd()),
      ...why.map((line) => `        ${this.#paint("dim", line)}`),
    ];
  }

  ending({ ok, tree, steps, error, seconds }: Report): string {
    const paint = this.#paint;
    const shown =
      tree.length === 0
        ? ""
        : `\n${paint("dim", "─".repeat(WIDTH))}\n\n${picture(tree, { colours: this.#colours, root: "orchestrator", now: Date.now() / 1000 })}\n\n${paint("dim", "─".repeat(WIDTH))}\n`;
    const good = steps.filter((step) => step.ok).length;
    const summary = ok
      ? paint(
          "green",
          `Every step ended as expected: ${good} of ${steps.length}, in ${seconds.toFixed(1)} s.`,
        )
      : paint(
          "red",
          `The demo did not end as expected${error === undefined ? "" : `: ${error.message}`}.`,
        );
    return `${shown}\n${summary}\n`;
  }
}

function resultOf({ answer, paid, requests, environment }: Outcome): string {
  if (Array.isArray(environment)) return `environment: ${environment.join(", ")}`;
  const cost =
    paid === undefined
      ? undefined
      : `${formatAmount(readAmountJson(paid.amount)).replace(/ sat$/, "")} + ${formatAmount(readAmountJson(paid.fee))} fee`;
  const sent = requests === 0 ? "no request made" : undefined;
  return [answer, cost, sent].filter((part) => part !== undefined).join(" · ");
}

function denialOf({ by, requests, status, code }: Outcome): string {
  const who =
    requests === 0
      ? "its own client, offline"
      : status === undefined
        ? "its client, told by the treasury"
        : `the ${by}, ${status}`;
  return `${who}: ${code}`;
}

/**
 * Splits "condition: you have …; you need …" into two aligned lines, below the condition if they
 * do not fit beside it; wraps any other reason.
 */
function inLines(reason: string, width: number): readonly string[] {
  const [, head, have, need] = /^(.+?: )(you have .+); (you need .+)$/.exec(reason) ?? [];
  if (head === undefined || have === undefined || need === undefined) return wrapped(reason, width);
  const beside = head.length + Math.max(have.length, need.length) <= width;
  const indent = beside ? head.length : 2;
  const lines = [have, need]
    .flatMap((part) => wrapped(part, width - indent))
    .map((line) => " ".repeat(indent) + line);
  return beside ? [head + lines[0]?.slice(indent), ...lines.slice(1)] : [head.trimEnd(), ...lines];
}
