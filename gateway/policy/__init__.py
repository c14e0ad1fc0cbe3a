"""Rules on tools, MCP servers, URLs and models: where the values stand in a request, and what the rules say of them."""
