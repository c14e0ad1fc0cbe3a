"""LiteLLM's SDK, as a client."""

import json

import litellm
from pydantic import BaseModel
from steps import API, KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, read_note, run


class Word(BaseModel):
    word: str


TOOL = {
    "type": "function",
    "function": {
        "name": "read_note",
        "description": "Reads a note.",
        "parameters": {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"]},
    },
}
provider, base = ("anthropic", URL) if API == "messages" else ("openai", f"{URL}/v1")


def ask(messages, **more):
    return litellm.completion(
        model=f"{provider}/{MODEL}", api_base=base, api_key=KEY, messages=messages, num_retries=0, **more
    )


def said(prompt, **more):
    return ask([{"role": "user", "content": prompt}], **more).choices[0].message.content


def tools():
    messages = [{"role": "user", "content": OF_NOTE}]
    while calls := (message := ask(messages, tools=[TOOL]).choices[0].message).tool_calls:
        messages.append(message)
        for call in calls:
            result = read_note(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return message.content


def stream():
    chunks = ask([{"role": "user", "content": PROMPT}], stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


run(
    prompt=lambda: said(PROMPT),
    tools=tools,
    object=lambda: Word.model_validate_json(said(OBJECT, response_format=Word)).word,
    stream=stream,
)
