"""How many tokens a call consumed, by kind, as the provider reported them."""

import msgspec


class Usage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Tokens of one upstream answer.

    `input_tokens` counts the whole prompt, cached parts included, whatever the shape: Anthropic reports cache reads
    and writes beside its `input_tokens`, OpenAI inside them; the readers bring both to this form.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input plus output, the figure that token rate limits count."""
        return self.input_tokens + self.output_tokens
