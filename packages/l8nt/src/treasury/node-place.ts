/** The place after which a page of the tree begins, as a text. spec/4-purchase.md §7. */
import type { NodePlace } from "../ports/nodes.ts";

/** Before every node. */
export const FIRST: NodePlace = { depth: 0, metAt: 0, id: "0".repeat(32) };

export const placeText = ({ depth, metAt, id }: NodePlace): string => `${depth}-${metAt}-${id}`;

/** @param text as {@link placeText} made it */
export function placeIn(text: string): NodePlace {
  const [depth, metAt, id] = text.split("-");
  return { depth: Number(depth), metAt: Number(metAt), id: id! };
}
