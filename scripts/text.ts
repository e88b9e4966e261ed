/**
 * The width of comments, and the links of the pages. `node scripts/text.ts` prints one line for
 * each comment line over 100 columns, each dead link and each vague word, and exits 1. `--links`
 * looks at links only.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";

export const COLUMNS = 100;
/** What cannot be broken: a directive for a tool, or one long word such as a URL. */
const UNBREAKABLE = /biome-ignore|@ts-|^\s*(?:\/\/|\*)\s+\S+$/;

/** The numbers of the comment lines that are too wide. Columns are characters, not bytes. */
export function wideComments(text: string): readonly number[] {
  const wide: number[] = [];
  let isInBlock = false;
  for (const [at, line] of text.split("\n").entries()) {
    const isComment = isInBlock || /^\s*(?:\/\/|\/\*)/.test(line);
    if (/^\s*\/\*/.test(line)) isInBlock = true;
    if (/\*\/\s*$/.test(line)) isInBlock = false;
    if (isComment && [...line].length > COLUMNS && !UNBREAKABLE.test(line)) wide.push(at + 1);
  }
  return wide;
}

/** The anchor of a heading, as hosted Markdown has it. */
export const anchorOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");

function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const lines = withoutCode(page).split("\n");
  for (const line of lines) {
    const heading = /^#{1,6}\s+(.*?)(?:\s*\{#([\w-]+)\})?\s*$/.exec(line);
    if (heading !== null) {
      const anchor = heading[2] ?? anchorOf(heading[1]!);
      let unique = anchor;
      for (let again = 1; anchors.has(unique); again++) unique = `${anchor}-${again}`;
      anchors.add(unique);
    }
    for (const [, id] of line.matchAll(/\bid="([^"]+)"/g)) anchors.add(id!);
  }
  return anchors;
}

const withoutCode = (page: string): string => page.replace(/^( *)(```+|~~~+)[\s\S]*?^\1\2/gm, "");

/**
 * The links of one page that lead nowhere. Links to other sites are not followed.
 *
 * @param path the page's own, from the root of the tree
 * @param read the text of a file in the tree; undefined if there is none
 * @param exists whether there is a file or folder of that path
 */
export function deadLinks(
  path: string,
  page: string,
  read: (path: string) => string | undefined,
  exists: (path: string) => boolean,
): readonly string[] {
  const text = withoutCode(page).replace(/`[^`\n]*`/g, "");
  const links = [...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|\b(?:href|src)="([^"]+)"/g)];
  return links.flatMap(([, inline, attribute]) => {
    const link = inline ?? attribute!;
    if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return [];
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : normalize(join(dirname(path), decodeURI(file)));
    if (target.startsWith("..") || !exists(target)) return [link];
    if (anchor === undefined || !target.endsWith(".md")) return [];
    return anchorsOf(read(target) ?? "").has(anchor) ? [] : [link];
  });
}

const PROSE = /\.(?:ts|mjs|cjs|js|py|go|rs|md)$/;
/** What is history, and what tests this file. */
const OWN_WORDS = /^CHANGELOG\.md$|^scripts\/text\b/;

/** The numbers of the lines with a word that does not say who acts: name the caller, the holder. */
export const vagueWords = (text: string): readonly number[] =>
  text.split("\n").flatMap((line, at) => (/\bwhoever\b/i.test(line) ? [at + 1] : []));

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const paths = tracked.split("\n").filter((path) => path !== "" && existsSync(join(root, path)));
  const read = (path: string) => {
    try {
      return readFileSync(join(root, path), "utf8");
    } catch {
      return undefined;
    }
  };
  const faults = paths.flatMap((path) => {
    if (/\.(?:ts|mjs|cjs)$/.test(path) && !process.argv.includes("--links"))
      return wideComments(read(path)!).map(
        (line) => `${path}:${line}: a comment over ${COLUMNS} columns`,
      );
    if (path.endsWith(".md"))
      return deadLinks(path, read(path)!, read, (target) => existsSync(join(root, target))).map(
        (link) => `${path}: the link ${link} leads nowhere`,
      );
    return [];
  });
  if (!process.argv.includes("--links"))
    for (const path of paths.filter((one) => PROSE.test(one) && !OWN_WORDS.test(one)))
      for (const line of vagueWords(read(path)!)) faults.push(`${path}:${line}: a vague word`);
  for (const fault of faults) console.error(fault);
  console.log(`text: ${paths.length} files, ${faults.length} faults`);
  if (faults.length > 0) process.exitCode = 1;
}
