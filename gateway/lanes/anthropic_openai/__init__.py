"""Clients of Anthropic's Messages at providers of OpenAI's Chat Completions."""
