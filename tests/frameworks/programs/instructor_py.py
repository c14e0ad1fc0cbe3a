"""Instructor, which makes objects by tools and nothing else."""

import instructor
from openai import OpenAI
from pydantic import BaseModel
from steps import KEY, MODEL, OBJECT, URL, run


class Word(BaseModel):
    word: str


client = instructor.from_openai(OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0))
asked = {"model": MODEL, "messages": [{"role": "user", "content": OBJECT}], "max_retries": 0}
run(
    object=lambda: client.create(response_model=Word, **asked).word,
    stream=lambda: [part.word for part in client.create_partial(response_model=Word, **asked)][-1],
)
