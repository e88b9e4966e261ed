/** Alerts as they are raised, as server-sent events for the owner. */
import type { Alert } from "./alert.ts";

const encoder = new TextEncoder();

/** How much a reader may be behind before it is let go. */
const MAX_WAITING = 1000;

export class AlertFeed {
  readonly #readers = new Set<ReadableStreamDefaultController<Uint8Array>>();

  tell(id: string, alert: Alert): void {
    const event = encoder.encode(`id: ${id}\nevent: alert\ndata: ${JSON.stringify(alert)}\n\n`);
    for (const reader of this.#readers) {
      if ((reader.desiredSize ?? 0) > -MAX_WAITING) reader.enqueue(event);
      else this.#end(reader);
    }
  }

  /** A stream of what is raised from now on. */
  response(): Response {
    let own: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller;
        this.#readers.add(own);
        // So that a reader knows that it listens.
        own.enqueue(encoder.encode(": listening\n\n"));
      },
      cancel: () => {
        this.#readers.delete(own);
      },
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  }

  close(): void {
    for (const reader of this.#readers) this.#end(reader);
  }

  #end(reader: ReadableStreamDefaultController<Uint8Array>): void {
    this.#readers.delete(reader);
    reader.close();
  }
}
