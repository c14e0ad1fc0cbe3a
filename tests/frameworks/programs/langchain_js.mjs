// LangChain for JavaScript.
import { ChatOpenAI } from "@langchain/openai";
import { createAgent, tool } from "langchain";
import { z } from "zod";
import { API, KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, readNote, run } from "./steps.mjs";

const model = new ChatOpenAI({
  model: MODEL,
  apiKey: KEY,
  configuration: { baseURL: `${URL}/v1` },
  maxRetries: 0,
  useResponsesApi: API === "responses",
});
const read_note = tool(readNote, {
  name: "read_note",
  description: "Reads a note.",
  schema: z.object({ file: z.string() }),
});

async function tools() {
  const done = await createAgent({ model, tools: [read_note] }).invoke({ messages: [{ role: "user", content: OF_NOTE }] });
  return done.messages.at(-1).text;
}

async function stream() {
  const pieces = [];
  for await (const chunk of await model.stream(PROMPT)) pieces.push(chunk.text);
  return pieces.join("");
}

await run({
  prompt: async () => (await model.invoke(PROMPT)).text,
  tools,
  object: async () => (await model.withStructuredOutput(z.object({ word: z.string() })).invoke(OBJECT)).word,
  stream,
});
