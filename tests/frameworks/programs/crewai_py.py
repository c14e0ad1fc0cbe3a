"""CrewAI."""

from crewai import LLM, Agent
from crewai.tools import tool
from pydantic import BaseModel
from steps import KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, read_note, run


class Word(BaseModel):
    word: str


def model(**more):
    return LLM(model=f"openai/{MODEL}", base_url=f"{URL}/v1", api_key=KEY, **more)


def agent(*tools):
    return Agent(role="reader", goal="Read notes.", backstory="A reader.", llm=model(), tools=list(tools))


run(
    prompt=lambda: model().call(PROMPT),
    tools=lambda: agent(tool("read_note")(read_note)).kickoff(OF_NOTE).raw,
    object=lambda: agent().kickoff(OBJECT, response_format=Word).pydantic.word,
    stream=lambda: model(stream=True).call(PROMPT),
)
