/** An implementation as a child process: a JSON object a line, asked one after the other. */
import { spawn } from "node:child_process";

const MAX_LINE = 1_000_000;

/** What went wrong beside a verdict: "crash", "timeout" or "garbage". */
export class PeerError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

export class Peer {
  #command;
  #timer;
  #milliseconds;
  #child;
  #next = 1;
  #waiting;

  /**
   * @param command the program and its arguments
   * @param options `milliseconds` that one answer may take; `timer` is for tests
   */
  constructor(command, { milliseconds = 10_000, timer = { setTimeout, clearTimeout } } = {}) {
    this.#command = command;
    this.#milliseconds = milliseconds;
    this.#timer = timer;
  }

  /** The answer to one command. A process that ended, or misbehaved, is started anew. */
  ask(command) {
    this.#child ??= this.#start();
    const child = this.#child;
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timeout = this.#timer.setTimeout(
        () => this.#fail(child, new PeerError("timeout", `no answer in ${this.#milliseconds} ms`)),
        this.#milliseconds,
      );
      const end = (settle) => (value) => {
        this.#timer.clearTimeout(timeout);
        this.#waiting = undefined;
        settle(value);
      };
      this.#waiting = { id, resolve: end(resolve), reject: end(reject) };
      child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  }

  stop() {
    const child = this.#child;
    this.#child = undefined;
    child?.kill("SIGKILL");
  }

  #start() {
    const [file, ...args] = this.#command;
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "ignore"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      if (text.length > MAX_LINE && !text.includes("\n"))
        return this.#fail(child, new PeerError("garbage", "a line over 1,000,000 characters"));
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines) this.#read(child, line);
    });
    // A process that has ended takes no more input; its end is reported below.
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.#fail(child, new PeerError("crash", error.message)));
    child.on("close", (code, signal) =>
      this.#fail(child, new PeerError("crash", `it ended with ${code ?? signal}`)),
    );
    return child;
  }

  #read(child, line) {
    if (child !== this.#child) return;
    const waiting = this.#waiting;
    let answer;
    try {
      answer = JSON.parse(line);
    } catch {
      answer = undefined;
    }
    if (typeof answer !== "object" || answer === null || Array.isArray(answer))
      return this.#fail(child, new PeerError("garbage", "a line that is no JSON object"));
    if (waiting === undefined || answer.id !== waiting.id)
      return this.#fail(child, new PeerError("garbage", "an answer that nobody asked for"));
    waiting.resolve(answer);
  }

  #fail(child, error) {
    if (child !== this.#child) return;
    this.stop();
    this.#waiting?.reject(error);
  }
}
