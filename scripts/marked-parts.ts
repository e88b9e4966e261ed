/** Parts of a hand-written page that are made from code, between two comments. */

/**
 * The page with its parts as the code has them.
 *
 * @param parts by name: each stands between `<!-- NAME: generated -->` and `<!-- /NAME -->`
 * @throws Error if the page lacks one of them
 */
export function withParts(page: string, parts: Readonly<Record<string, string>>): string {
  let text = page;
  for (const [name, content] of Object.entries(parts)) {
    const [begin, end] = [`<!-- ${name}: generated -->`, `<!-- /${name} -->`];
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`the page lacks ${begin} … ${end}`);
    text = `${before}${begin}\n\n${content}\n\n${end}${after}`;
  }
  return text;
}
