/** Parts of Markdown pages that are made from code. */

/** Says how to make the page again, to the person who is about to edit it. */
export const GENERATED = "<!-- Generated: npm run reference -->";

export const code = (text: string): string => `\`${text}\``;

/**
 * One page: its title, the comment that it is generated, and its parts with a blank line between.
 */
export const page = (title: string, ...parts: readonly string[]): string =>
  `${[`# ${title}`, GENERATED, ...parts].join("\n\n")}\n`;

/** A pipe would begin the next cell, also inside of code. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");

export const fence = (language: string, text: string): string =>
  `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;

export const list = (items: readonly string[]): string =>
  items.map((item) => `- ${item}`).join("\n");

/** Text from code as Markdown: what would begin emphasis or an element is shown as it is. */
export const prose = (text: string): string => text.replace(/[*<]/g, "\\$&");
