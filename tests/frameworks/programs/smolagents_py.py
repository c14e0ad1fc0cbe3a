"""smolagents, whose agents end with a call of `final_answer`."""

from smolagents import OpenAIServerModel, ToolCallingAgent, tool
from steps import KEY, MODEL, OF_NOTE, PROMPT, URL, read_note, run

model = OpenAIServerModel(MODEL, api_base=f"{URL}/v1", api_key=KEY)
asked = [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}]
run(
    prompt=lambda: model.generate(asked).content,
    tools=lambda: ToolCallingAgent([tool(read_note)], model, verbosity_level=0).run(OF_NOTE),
    stream=lambda: "".join(part.content or "" for part in model.generate_stream(asked)),
)
