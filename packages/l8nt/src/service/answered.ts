/**
 * A request that is answered without its handler: a repeated one by the answer that the first one
 * had (spec/5-ledger.md §5), and a preflight.
 */
import { type Refused, type Rendered, render } from "../wire/problem.ts";
import type { Answer } from "./repeats.ts";

/** Nothing is counted, and no handler runs. */
export class Answered {
  readonly granted = false;
  readonly status: number;
  readonly answer: Answer;
  /** No error, and nothing to pay. */
  readonly error = undefined;
  readonly offer = undefined;

  constructor(answer: Answer) {
    this.status = answer.status;
    this.answer = answer;
  }

  /** For a log: without the content. */
  toJSON(): object {
    return { granted: false, answered: true, status: this.status };
  }

  /** The answer as a `Response`, made anew by each read. */
  get response(): Response {
    const { status, headers, body } = this.answer;
    const fields = new Headers();
    for (const [name, value] of headers) fields.append(name, value);
    return new Response(body.length === 0 ? null : body, { status, headers: fields });
  }
}

/** What is sent for a request that is not granted. */
export const rendering = (decision: Refused | Answered): Rendered | Answer =>
  decision instanceof Answered ? decision.answer : render(decision);
