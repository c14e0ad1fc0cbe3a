// Mastra.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Agent } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { z } from "zod";
import { KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, readNote, run } from "./steps.mjs";

const compatible = { name: "gateway", baseURL: `${URL}/v1`, apiKey: KEY, supportsStructuredOutputs: true };
const read_note = createTool({
  id: "read_note",
  description: "Reads a note.",
  inputSchema: z.object({ file: z.string() }),
  execute: async (input) => readNote(input.context ?? input),
});
const agent = (tools) =>
  new Agent({ id: "reader", name: "reader", instructions: "Read notes.", model: createOpenAICompatible(compatible)(MODEL), tools });

async function stream() {
  const pieces = [];
  for await (const piece of (await agent({}).stream(PROMPT)).textStream) pieces.push(piece);
  return pieces.join("");
}

await run({
  prompt: async () => (await agent({}).generate(PROMPT)).text,
  tools: async () => (await agent({ read_note }).generate(OF_NOTE)).text,
  object: async () =>
    (await agent({}).generate(OBJECT, { structuredOutput: { schema: z.object({ word: z.string() }) } })).object.word,
  stream,
});
