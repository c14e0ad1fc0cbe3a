"""A client of OpenAI's Chat Completions on Amazon Bedrock's Converse."""
