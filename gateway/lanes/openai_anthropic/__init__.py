"""A client of OpenAI's Chat Completions on Anthropic's Messages."""
