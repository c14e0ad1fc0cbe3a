"""OpenAI's Responses, as clients speak it and as a provider does."""
