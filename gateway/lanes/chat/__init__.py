"""OpenAI's Chat Completions, as clients speak it and as providers do."""
