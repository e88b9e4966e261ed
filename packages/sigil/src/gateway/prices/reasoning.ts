/**
 * Models that reason out of sight, by the pages of their vendors. The source of the price file says
 * so of most, and has nothing about these.
 */

/** By the vendor's name in a price file. */
const BY_VENDOR: Readonly<Record<string, RegExp>> = {
  // https://platform.openai.com/docs/guides/reasoning: the API does not show reasoning tokens.
  openai: /^(?:o\d|codex-mini|gpt-5(?:\.\d+)?-image|gpt-realtime-2)/,
  // https://ai.google.dev/gemini-api/docs/thinking: of 2.5, and of 3, which always thinks.
  gemini:
    /^gemini-(?:2\.5-(?!.*(?:image|tts|audio))|[3-9]|(?:pro|flash|flash-lite)-latest|.*thinking)/,
  // https://openrouter.ai/docs/use-cases/reasoning-tokens, https://docs.x.ai/docs/guides/reasoning
  openrouter:
    /^(?:openai\/(?:o\d|codex-mini|gpt-5)|google\/gemini-(?:2\.5-(?!.*image)|[3-9])|x-ai\/grok-(?:[4-9]|code)|deepseek\/deepseek-r\d)|think|reason/,
};

export const isKnownToReason = (vendor: string, names: readonly string[]): boolean =>
  names.some((name) => BY_VENDOR[vendor]?.test(name) === true);
