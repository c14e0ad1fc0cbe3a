// What every program of a framework does; see steps.py.
import { readFileSync } from "node:fs";

const { GATEWAY_URL: URL, GATEWAY_KEY: KEY, GATEWAY_MODEL: MODEL, GATEWAY_API: API } = process.env;
export { URL, KEY, MODEL, API };
export const PROMPT = "Say pong.";
export const OF_NOTE = "What does the note in note-one.txt say?";
export const OBJECT = "Give the word of the day as an object.";
export const readNote = ({ file }) => readFileSync(file, "utf8");

export async function run(steps) {
  for (const [step, take] of Object.entries(steps)) {
    const told = await take().then(
      (said) => ({ step, said: String(said) }),
      (error) => ({ step, failed: String(error?.stack ?? error) }),
    );
    console.log(JSON.stringify(told));
  }
}
