/** Parts of messages that are no text: what they cost instead of their bytes. */
import { type Fields, objectsOf, quoted } from "./fields.ts";
import { RequestRefused } from "./refused.ts";
import { byteLength } from "./text.ts";

/**
 * `text`: costs its bytes. `image`: a number of tokens that the preset knows. `window`: documents,
 * files and references, which only the context window bounds. `audio` and `video`: the same, with
 * a price for audio. `data` is the content in the body, whose bytes are no tokens.
 */
export type Part =
  | { readonly kind: "text" }
  | { readonly kind: "image"; readonly data?: unknown }
  | { readonly kind: "window"; readonly data?: unknown }
  | { readonly kind: "audio" | "video"; readonly data?: unknown };

export const TEXT: Part = { kind: "text" };
export const WINDOW: Part = { kind: "window" };

/** The most tokens of one image. */
export interface ImageTokens {
  readonly most: number;
  /** Whether they are billed beside the context window. */
  readonly isBeyondWindow: boolean;
}

/**
 * What the parts of a request add to the tokens of its text.
 *
 * Only a part at a place where the vendor reads one counts as such. The same object inside a
 * tool's arguments is text, and costs its bytes.
 */
export class PartSum {
  readonly #image: ImageTokens;
  #images = 0;
  #dataBytes = 0;
  #isWindow = false;
  #isAudio = false;

  constructor(image: ImageTokens) {
    this.#image = image;
  }

  /** Bytes of content in the body, which are no tokens. */
  get dataBytes(): number {
    return this.#dataBytes;
  }

  /** Adds one part. */
  add(part: Part): void {
    if (part.kind === "text") return;
    if (part.kind === "image") this.#images += this.#image.most;
    if (part.kind === "window" || part.kind === "video") this.#isWindow = true;
    if (part.kind === "audio" || part.kind === "video") this.#isAudio = true;
    if (typeof part.data === "string") this.#dataBytes += byteLength(part.data);
  }

  /**
   * Adds the parts of a content, which may be a plain text.
   *
   * @param partOf undefined for a part that the preset does not know
   * @throws RequestRefused for such a part
   */
  addContent(content: unknown, partOf: (part: Fields) => Part | undefined): void {
    for (const item of objectsOf(content)) {
      const part = partOf(item);
      if (part === undefined)
        throw new RequestRefused(
          "field_not_metered",
          `A part of type ${quoted(`${item.type}`)} is not known here, so nobody can tell what it ` +
            "costs. Leave it out.",
        );
      this.add(part);
    }
  }

  /** The bound's input and what belongs to it, for a text of so many tokens. */
  bound(textTokens: number): { input: number; inputAudio: number; beyondWindow: number } {
    const { isBeyondWindow } = this.#image;
    const known = textTokens - this.#dataBytes + (isBeyondWindow ? 0 : this.#images);
    return {
      input: this.#isWindow ? Number.POSITIVE_INFINITY : known,
      inputAudio: this.#isAudio ? Number.POSITIVE_INFINITY : 0,
      beyondWindow: isBeyondWindow ? this.#images : 0,
    };
  }
}

/** The texts of a content that is a plain text, or has parts that are. */
export const textsIn = (content: unknown, isText: (part: Fields) => boolean): readonly string[] =>
  typeof content === "string"
    ? [content]
    : objectsOf(content).flatMap((part) =>
        isText(part) && typeof part.text === "string" ? [part.text] : [],
      );

/** The data of a `data:` URL; undefined for any other, which is fetched by the vendor. */
export const dataOf = (url: unknown): string | undefined =>
  typeof url === "string" && /^data:/i.test(url) ? url : undefined;

/** An image by its URL. What is no image by its own word may be a document. */
export function imageAt(url: unknown): Part {
  const data = dataOf(url);
  return data === undefined || /^data:image\//i.test(data)
    ? { kind: "image", data }
    : { kind: "window", data };
}
