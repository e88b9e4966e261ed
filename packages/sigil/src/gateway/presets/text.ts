/** How many tokens a text can be at most. */

/**
 * Tokens around one message: roles, separators, the name of the author.
 */
export const MESSAGE_TOKENS = 16;
/**
 * Tokens that a vendor adds to any request. Chat templates of open models write a date and a
 * system prompt of some 70 tokens, Mistral's `prompt_mode` one of some 300.
 */
export const REQUEST_TOKENS = 1024;
/**
 * Tokens that a vendor adds once there are tools. Anthropic's system prompt for them has 346 to
 * 530.
 */
export const TOOLS_TOKENS = 1024;
/**
 * Tokens of a client's tool whose description the vendor has, not the request. Anthropic's computer
 * use has 1,234; a toolset has several such tools.
 */
export const TYPED_TOOL_TOKENS = 8192;

/**
 * Members that a vendor writes out as JSON or in another notation for the model. There a character
 * outside of ASCII may be an escape of six, each of them a token.
 */
const WRITTEN_OUT: ReadonlySet<string> = new Set([
  "tools",
  "functions",
  "response_format",
  "output_config",
  "output_format",
  "format",
  "text",
  "tool_choice",
  "toolConfig",
  "responseSchema",
  "responseJsonSchema",
  "response_schema",
  "response_json_schema",
  "functionCall",
  "functionResponse",
  "function_call",
  "function_response",
  "tool_calls",
]);

/**
 * The most tokens that a value of a JSON body can be: one for each byte of UTF-8 of every string,
 * name and number, and of the punctuation between them. A tokenizer with a vocabulary of bytes
 * never makes more; about one byte for each token is met with hieroglyphs and control characters.
 */
export function tokensOf(value: unknown, isWrittenOut = false): number {
  if (typeof value === "string") return isWrittenOut ? escapedLength(value) + 2 : byteLength(value);
  if (value === null || typeof value !== "object") return `${value}`.length + 2;
  // The brackets.
  let sum = 2;
  if (Array.isArray(value)) {
    for (const item of value) sum += tokensOf(item, isWrittenOut) + 2;
    return sum;
  }
  const object = value as Readonly<Record<string, unknown>>;
  // Templates of open models and Mistral's tokenizer write a tool's result as a JSON string.
  const isCall = isWrittenOut || object.type === "tool_use" || object.role === "tool";
  for (const name of Object.keys(object)) {
    const inner = object[name];
    // "text" is a schema in a request of Responses, and a string everywhere else.
    const isNotation = isCall || (typeof inner === "object" && WRITTEN_OUT.has(name));
    // Quotes, colon, comma and spaces or a line break.
    sum += (isNotation ? escapedLength(name) : byteLength(name)) + 6 + tokensOf(inner, isNotation);
  }
  return sum;
}

/** Bytes of a string in UTF-8. */
export const byteLength = (text: string): number => Buffer.byteLength(text, "utf8");

/** Characters of a string in JSON that is ASCII, and safe in HTML as Jinja's `tojson` makes it. */
function escapedLength(text: string): number {
  const lengthOf = (runs: RegExp): number =>
    text.match(runs)?.reduce((sum, run) => sum + run.length, 0) ?? 0;
  const plain = lengthOf(/[ !#-%(-;=?-[\]-~]+/g);
  const quoted = lengthOf(/["\\]+/g);
  return plain + 2 * quoted + 6 * (text.length - plain - quoted);
}
