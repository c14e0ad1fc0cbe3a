"""LangChain."""

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from steps import API, KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, read_note, run


class Word(BaseModel):
    word: str


if API == "messages":
    model = ChatAnthropic(model=MODEL, base_url=URL, api_key=KEY, max_retries=0)
else:
    of_responses = API == "responses"
    model = ChatOpenAI(model=MODEL, base_url=f"{URL}/v1", api_key=KEY, max_retries=0, use_responses_api=of_responses)


def tools():
    agent = create_agent(model, [read_note])
    return agent.invoke({"messages": [{"role": "user", "content": OF_NOTE}]})["messages"][-1].text


run(
    prompt=lambda: model.invoke(PROMPT).text,
    tools=tools,
    object=lambda: model.with_structured_output(Word).invoke(OBJECT).word,
    stream=lambda: "".join(chunk.text for chunk in model.stream(PROMPT)),
)
