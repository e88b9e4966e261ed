/** Usage in the answers of Anthropic's Messages. */
import { type Usage, usageOf } from "../../usage.ts";
import { type Fields, isObject, objectsOf } from "../fields.ts";
import { count, eventWith, inner, stated, word } from "../numbers.ts";
import type { UsageReader } from "../preset.ts";

export class MessagesReader implements UsageReader {
  readonly #isHour: boolean;
  readonly #asked: string | undefined;
  /** Members of `usage`, each as stated last. */
  #stated: Fields = {};
  #model: string | undefined;
  #usage: Usage | undefined;

  /**
   * @param isHour whether tokens that are cached for an unknown time are cached for an hour
   * @param asked the tariff of the request, for what an answer does not say of its own
   */
  constructor(isHour: boolean, asked?: string) {
    this.#isHour = isHour;
    this.#asked = asked;
  }

  /** Undefined before the first `message_delta`: the usage of `message_start` has no output yet. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  get latest(): Usage | undefined {
    return this.#usage ?? this.#read(this.#stated, this.#model);
  }

  whole(json: unknown): Usage | undefined {
    if (!isObject(json) || !isObject(json.usage)) return undefined;
    return this.#read(json.usage, word(json.model));
  }

  event(data: string): "pass" {
    const event = eventWith('"usage"', data);
    if (event?.type === "message_start" && isObject(event.message)) {
      this.#model = word(event.message.model);
      this.#add(event.message.usage);
    } else if (event?.type === "message_delta") {
      this.#add(event.usage);
      this.#usage = this.#read(this.#stated, this.#model) ?? this.#usage;
    }
    return "pass";
  }

  /** Counts are cumulative: the last one is the sum. */
  #add(usage: unknown): void {
    if (!isObject(usage)) return;
    const isStated = ([, value]: [string, unknown]) => value !== null && value !== undefined;
    this.#stated = {
      ...this.#stated,
      ...Object.fromEntries(Object.entries(usage).filter(isStated)),
    };
  }

  #read(usage: Fields, model: string | undefined): Usage | undefined {
    const input = stated(usage.input_tokens);
    const output = stated(usage.output_tokens);
    if (input === undefined || output === undefined) return undefined;
    const tools = inner(usage, "server_tool_use");
    let sum = { input, output, ...this.#cached(usage) };
    for (const iteration of objectsOf(usage.iterations)) {
      // The top level has the sum of the iterations of type `message` alone.
      if (iteration.type === "message") continue;
      const more = this.#cached(iteration);
      sum = {
        input: sum.input + count(iteration.input_tokens),
        output: sum.output + count(iteration.output_tokens),
        cacheRead: sum.cacheRead + more.cacheRead,
        cacheWrite5m: sum.cacheWrite5m + more.cacheWrite5m,
        cacheWrite1h: sum.cacheWrite1h + more.cacheWrite1h,
      };
    }
    return usageOf({
      ...sum,
      calls: callsOf(tools),
      tier: tierOf(usage, this.#asked),
      model,
    });
  }

  #cached(usage: Fields): { cacheRead: number; cacheWrite5m: number; cacheWrite1h: number } {
    const split = inner(usage, "cache_creation");
    const hour = count(split.ephemeral_1h_input_tokens);
    const minutes = count(split.ephemeral_5m_input_tokens);
    // The sum may be of a later event than the split.
    const rest = Math.max(0, count(usage.cache_creation_input_tokens) - hour - minutes);
    return {
      cacheRead: count(usage.cache_read_input_tokens),
      cacheWrite5m: minutes + (this.#isHour ? 0 : rest),
      cacheWrite1h: hour + (this.#isHour ? rest : 0),
    };
  }
}

function callsOf(tools: Fields): Readonly<Record<string, number>> {
  const calls: Record<string, number> = {};
  const searches = count(tools.web_search_requests);
  const fetches = count(tools.web_fetch_requests);
  if (searches > 0) calls.web_search = searches;
  if (fetches > 0) calls.web_fetch = fetches;
  return calls;
}

/** Speed and place of inference change the price too. */
function tierOf(usage: Fields, asked = ""): string | undefined {
  const tier = word(usage.service_tier);
  const [, ...more] = asked.split("+");
  const speed = word(usage.speed) ?? more.find((other) => other === "fast") ?? "standard";
  const geo = word(usage.inference_geo) ?? more.find((other) => other !== "fast") ?? "global";
  const others = [
    ...(speed === "standard" ? [] : [speed]),
    ...(geo === "global" || geo === "not_available" ? [] : [geo]),
  ];
  return others.length === 0 ? tier : [tier ?? "standard", ...others].join("+");
}
