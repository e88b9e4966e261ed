/** Which nodes are forgotten if there are too many: a fair share for each. */
import { describe, expect, test } from "vitest";
import type { ForgottenNode, NodeOutline } from "../ports/nodes.ts";
import { Families } from "./node-shares.ts";

function surplusOf(
  outlines: readonly NodeOutline[],
  isEnded: (node: NodeOutline) => boolean,
): readonly ForgottenNode[] {
  const families = new Families(isEnded);
  families.add([...outlines].sort((a, b) => a.path.length - b.path.length));
  const work = families.surplus();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

const NOW = 2_000_000_000;
const outline = (path: string, metAt = NOW, more: Partial<NodeOutline> = {}): NodeOutline => {
  const ids = path.split("/") as unknown as NodeOutline["path"];
  return { id: ids.at(-1)!, path: ids, metAt, ...more };
};
/** `count` children of `above`, each a second younger than the one before. */
const flood = (above: string, name: string, count: number) =>
  Array.from({ length: count }, (_, at) => outline(`${above}/${name}${at}`, NOW + at));
const alive = () => false;
const hasEnded = ({ validUntil }: NodeOutline) => validUntil !== undefined;

describe("nodes that are forgotten", () => {
  test("are none if each parent has 1,000 children and there are 10,000 nodes in all", () => {
    const parents = Array.from({ length: 9 }, (_, at) => `root/p${at}`);
    const nodes = [
      ...[outline("root"), ...parents.map((path) => outline(path))],
      ...parents.flatMap((path, at) => flood(path, `c${at}-`, 1000)),
    ];
    nodes.push(...flood("root/p0/c0-0", "d", 10_000 - nodes.length));
    expect(nodes).toHaveLength(10_000);
    expect(surplusOf(nodes, alive)).toEqual([]);
  });

  test("are the newest children of a parent with more than 1,000, and all below them", () => {
    const nodes = [
      outline("root"),
      ...flood("root", "a", 1002),
      ...flood("root/a0", "below-old", 3),
      ...flood("root/a1001", "below-new", 2),
    ];
    expect(
      surplusOf(nodes, alive)
        .map(({ id, into }) => `${id} ${into}`)
        .sort(),
    ).toEqual(["a1000 root", "a1001 root", "below-new0 root", "below-new1 root"]);
  });

  test("are ended children before living ones, and those are not counted", () => {
    const nodes = [
      outline("root"),
      ...flood("root", "a", 999),
      outline("root/old", NOW - 5, { validUntil: NOW - 1 }),
      outline("root/new", NOW + 5000),
    ];
    expect(surplusOf(nodes, hasEnded)).toEqual([{ id: "old" }]);
  });

  test("are those of the family with the most, at each level, however they were made", () => {
    // Ten children with a thousand children each, and then one below the other.
    const bad = Array.from({ length: 10 }, (_, at) => `root/boss/bad/b${at}`);
    const chain = Array.from({ length: 40 }, (_, at) => `x${at}`);
    const nodes = [
      ...[outline("root"), outline("root/boss"), outline("root/boss/bad"), outline("root/other")],
      ...bad.map((path) => outline(path)),
      ...bad.flatMap((path, at) => flood(path, `c${at}-`, 1000)),
      ...chain.map((_, at) => outline(`root/boss/bad/${chain.slice(0, at + 1).join("/")}`)),
      // Those that came last, beside the flood and above it.
      outline("root/boss/good", NOW + 9000),
      ...flood("root/boss/good", "g", 500),
      ...flood("root/other", "o", 300),
      outline("second root", NOW + 9000),
    ];
    const gone = surplusOf(nodes, alive);
    expect(nodes.length - gone.length).toBe(10_000);
    for (const { id } of gone) expect(id).toMatch(/^[cx]\d/);
    const counted = new Set(gone.map(({ into }) => into));
    const ids = new Set(gone.map(({ id }) => id));
    for (const into of counted) expect(ids.has(into!)).toBe(false);
  });

  test("are ended ones first, of every family, and never a living root", () => {
    const roots = Array.from({ length: 10_100 }, (_, at) => outline(`root${at}`, NOW + at));
    const ended = Array.from({ length: 50 }, (_, at) =>
      outline(`gone${at}`, NOW, { validUntil: NOW - 1 }),
    );
    const gone = surplusOf([...roots, ...ended, outline("root0/child")], hasEnded);
    expect(new Set(gone.map(({ id }) => id))).toEqual(
      new Set([...ended.map(({ id }) => id), "child"]),
    );
    expect(gone.filter(({ into }) => into !== undefined)).toEqual([{ id: "child", into: "root0" }]);
  });

  test("are those whose parent was forgotten before they spent, counted above it", () => {
    const nodes = [outline("root"), outline("root/a"), outline("root/a/gone/late/later")];
    nodes.push(outline("root/a/gone/late"));
    expect(new Set(surplusOf(nodes, alive))).toEqual(
      new Set([
        { id: "late", into: "a" },
        { id: "later", into: "a" },
      ]),
    );
  });
});
