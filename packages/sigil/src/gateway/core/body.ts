/** Reads the body of a request that is metered, within the limits of one and of all. */
import type { IncomingMessage } from "node:http";
import { whenBodyBreaks } from "./client.ts";
import { valuesOf } from "./fields.ts";
import { Shares } from "./shares.ts";

export interface BodyLimits {
  /** Bytes of one body. @default 10 MiB */
  readonly each?: number;
  /** Bytes of all bodies that are held at one time. @default 256 MiB */
  readonly total?: number;
}

export interface ReadOptions {
  /** Whether a body with a Content-Encoding is read, as it is. @default false */
  readonly isEncodedToo?: boolean;
  /** Bytes of this body. @default what is allowed each */
  readonly each?: number | undefined;
}

/** Why a body was not read, and the status that says so. */
export class UnreadBody extends Error {
  readonly status: 400 | 413 | 415 | 503;

  constructor(status: UnreadBody["status"], message: string) {
    super(message);
    this.status = status;
  }
}

const MIB = 1024 * 1024;

/** Counts what is held: a body is given back with `release`, once nothing needs it any more. */
export class Bodies {
  readonly #each: number;
  /** One that floods leaves the rest to others. */
  readonly #shares: Shares;

  constructor({ each = 10 * MIB, total = 256 * MIB }: BodyLimits = {}) {
    this.#each = each;
    this.#shares = new Shares(total, each);
  }

  /** Bytes that are held now. */
  get held(): number {
    return this.#shares.held;
  }

  /**
   * @param holder whose body it is, for whom there is a quarter of all
   * @throws UnreadBody
   */
  async read(
    incoming: IncomingMessage,
    holder: string,
    { isEncodedToo = false, each = this.#each }: ReadOptions = {},
  ): Promise<HeldBody> {
    if (!isEncodedToo) checkCoding(incoming);
    const length = Number(incoming.headers["content-length"] ?? 0);
    if (length > each) throw tooLarge(each);
    const parts: Buffer[] = [];
    let size = 0;
    const release = (): void => {
      this.#shares.give(holder, size);
      size = 0;
    };
    // Not `for await`, which costs a small body more than all else that is done with it.
    const fault = await new Promise<UnreadBody | undefined>((resolve) => {
      incoming.on("data", (part: Buffer) => {
        size += part.length;
        const fits = this.#shares.take(holder, part.length);
        parts.push(part);
        if (size > each) resolve(tooLarge(each));
        else if (!fits) resolve(tooMany());
      });
      incoming.once("end", () => resolve(undefined));
      whenBodyBreaks(incoming, () => resolve(brokeOff()));
    });
    if (fault !== undefined) {
      incoming.removeAllListeners("data").pause();
      release();
      throw fault;
    }
    return { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), release };
  }
}

/** @throws UnreadBody for a body that would have to be decoded */
export function checkCoding({ rawHeaders }: IncomingMessage): void {
  const codings = valuesOf(rawHeaders, "content-encoding");
  if (codings.some((coding) => coding.trim().toLowerCase() !== "identity"))
    throw new UnreadBody(415, "A metered request is sent without a Content-Encoding.");
}

const tooLarge = (each: number): UnreadBody =>
  new UnreadBody(
    413,
    `The body is larger than ${each} bytes. The owner of the gateway says how large one may be, by maxBody of the service.`,
  );

const tooMany = (): UnreadBody =>
  new UnreadBody(503, "Too many large requests are being read. Try again.");

const brokeOff = (): UnreadBody => new UnreadBody(400, "The body broke off.");

export interface HeldBody {
  readonly bytes: Buffer;
  release(): void;
}
