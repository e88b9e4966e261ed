/** A stand-in for Gemini. */
import type { Play } from "../../../packages/sigil/src/gateway/fixtures/town.ts";
import { PARTS, TEXT, TOOL, USED } from "./client.ts";
import { bodyOf, events, json } from "./play.ts";

const usageOf = (output: number) => ({
  promptTokenCount: USED.input,
  candidatesTokenCount: output,
  totalTokenCount: USED.input + output,
  promptTokensDetails: [{ modality: "TEXT", tokenCount: USED.input }],
});

export const generateContent: Play = (request, answer) => {
  const [, model, method] = /\/models\/([^:]+):(\w+)/.exec(request.url) ?? [];
  const { tools = [] } = bodyOf<{ readonly tools?: readonly object[] }>(request);
  const chunk = (part: object, output: number, finishReason?: string) => ({
    candidates: [
      {
        content: { parts: [part], role: "model" },
        ...(finishReason !== undefined && { finishReason }),
        index: 0,
      },
    ],
    usageMetadata: usageOf(output),
    modelVersion: model,
    responseId: "r1",
  });
  const whole =
    tools.length > 0 ? { functionCall: { name: TOOL.name, args: TOOL.input } } : { text: TEXT };
  if (method === "generateContent") return json(answer, chunk(whole, USED.output, "STOP"));
  const parts = tools.length > 0 ? [whole] : PARTS.map((text) => ({ text }));
  const last = parts.length - 1;
  return events(
    answer,
    parts.map((part, at) => (at === last ? chunk(part, USED.output, "STOP") : chunk(part, 1))),
  );
};
