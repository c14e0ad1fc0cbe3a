// Vercel's AI SDK.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { API, KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, readNote, run } from "./steps.mjs";

const options = { baseURL: `${URL}/v1`, apiKey: KEY };
const model = {
  messages: () => createAnthropic(options)(MODEL),
  responses: () => createOpenAI(options)(MODEL),
  chat_completions: () => createOpenAICompatible({ ...options, name: "gateway", supportsStructuredOutputs: true })(MODEL),
}[API]();
const base = { model, maxRetries: 0 };
const read_note = tool({
  description: "Reads a note.",
  inputSchema: z.object({ file: z.string() }),
  execute: async (input) => readNote(input),
});

async function stream() {
  const pieces = [];
  for await (const piece of streamText({ ...base, prompt: PROMPT }).textStream) pieces.push(piece);
  return pieces.join("");
}

await run({
  prompt: async () => (await generateText({ ...base, prompt: PROMPT })).text,
  tools: async () => (await generateText({ ...base, prompt: OF_NOTE, tools: { read_note }, stopWhen: stepCountIs(4) })).text,
  object: async () => (await generateObject({ ...base, prompt: OBJECT, schema: z.object({ word: z.string() }) })).object.word,
  stream,
});
