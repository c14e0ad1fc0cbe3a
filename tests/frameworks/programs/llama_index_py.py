"""LlamaIndex."""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel
from steps import KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, read_note, run


class Word(BaseModel):
    word: str


model = OpenAILike(
    model=MODEL,
    api_base=f"{URL}/v1",
    api_key=KEY,
    is_chat_model=True,
    is_function_calling_model=True,
    max_retries=0,
)


async def tools():
    return await FunctionAgent(tools=[read_note], llm=model).run(OF_NOTE)


run(
    prompt=lambda: model.chat([ChatMessage(PROMPT)]).message.content,
    tools=lambda: asyncio.run(tools()),
    object=lambda: model.as_structured_llm(Word).chat([ChatMessage(OBJECT)]).raw.word,
    stream=lambda: "".join(chunk.delta or "" for chunk in model.stream_chat([ChatMessage(PROMPT)])),
)
