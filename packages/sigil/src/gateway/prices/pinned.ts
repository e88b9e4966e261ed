/**
 * A price file written from the genai-prices catalogue, for `sigil gateway prices update`. Texts
 * in, texts out.
 */
import { Document, isCollection, visit } from "yaml";
import { UsageError } from "../../exit.ts";
import type { FactSource } from "./facts.ts";
import { type Converted, converted, type WrittenModel } from "./source.ts";

export interface PinnedSource {
  /** The catalogue as JSON text: the package's data, or its published `data.json`. */
  readonly catalogue: string;
  /** What the catalogue and the facts are, such as "@pydantic/genai-prices 0.1.8". */
  readonly source: string;
  /** The day on which it was published, such as "2026-09-23". */
  readonly date: string;
  /** What the catalogue does not have. */
  readonly facts?: FactSource;
}

export interface Pinned {
  readonly text: string;
  /** The models that were left out, each with the reason. */
  readonly leftOut: readonly string[];
}

const HEAD = ` Prices in US dollars for a million tokens, or for one call or unit. What is not listed is denied.
 Made by \`sigil gateway prices update\` from the source below, which is under the MIT licence.
 To change a price, write a file of your own in this format, which goes before this one.`;

/** Writes a price file. @throws UsageError if the catalogue has another form */
export function pinned({ catalogue, source, date, facts }: PinnedSource): Pinned {
  let data: Converted;
  try {
    data = converted(JSON.parse(catalogue), date);
  } catch (cause) {
    throw new UsageError(
      "The catalogue is not the data of @pydantic/genai-prices, or is of a version that this program does not know.",
      { cause },
    );
  }
  const vendors: Record<string, Record<string, WrittenModel | "free">> = {};
  for (const [vendor, models] of Object.entries(data.vendors))
    vendors[vendor] = Object.fromEntries(
      Object.entries(models)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, model]) => [
          name,
          model === "free"
            ? model
            : {
                ...model,
                ...facts?.(vendor, [name, ...(model.names ?? [])], model),
                // Its own, if it has one, wins over one that an older file had.
                ...(model.context !== undefined && { context: model.context }),
              },
        ]),
    );
  const document = new Document({ source, date, vendors }, { schema: "failsafe" });
  document.commentBefore = HEAD;
  // One line for each model, so that a change is one line of a difference.
  visit(document, {
    Collection(_, node, ancestors) {
      if (ancestors.filter(isCollection).length >= 3) node.flow = true;
    },
  });
  return { text: document.toString({ lineWidth: 0 }), leftOut: data.leftOut };
}
