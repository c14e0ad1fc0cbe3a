"""What requests hold of budgets under one revision of the file, for what they do not state."""

from typing import Final, Literal, NamedTuple

from gateway.config.model import Config
from gateway.config.sections.reservations import ModelReservation
from gateway.money.media import Media, media_of
from gateway.shapes.allows import Assumed
from gateway.snapshot.prices import Prices

_REMEMBERED: Final = 4096
"""Models: clients call them what they like."""


class ModelBounds(NamedTuple):
    """What one model lets in and gives out at most, in tokens; `None` where nobody knows.

    `assumed_output` is what the file assumes of this model alone; `media` are the bounds of images and pages.
    """

    context_window: int | None
    max_output: int | None
    assumed_output: int | Literal["max"] | None
    media: Media


class Reservations:
    """The bounds of the file, and those of models, found when they are first asked for."""

    def __init__(self, config: Config, prices: Prices) -> None:
        section = config.reservations
        self.stored_tokens = section.stored_tokens
        self.file_tokens = section.file_tokens
        self.tool_call_tokens = section.tool_call_tokens
        self.assumed = Assumed(section.tool_calls, section.advisor_calls, section.picture_tokens)
        self.assumes_by_model = any(one.assumed_output_tokens is not None for one in section.models.values())
        self._assumed_output = config.assumed_output_tokens
        self._models = section.models
        self._prices = prices
        self._known: dict[tuple[str, str], ModelBounds] = {}

    def of(self, provider: str, provider_type: str, model: str) -> ModelBounds:
        """The bounds of a model at a provider."""
        known = self._known.get((provider, model))
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[provider, model] = self._find(provider, provider_type, model)
        return known

    def assumed_output(self, of_key: int | Literal["max"] | None, bounds: ModelBounds) -> int | None:
        """Output tokens of an answer without a limit: the key's word, the model's, the file's; `None`: nobody knows."""
        assumed = of_key or bounds.assumed_output or self._assumed_output
        return bounds.max_output if assumed == "max" else assumed

    def _find(self, provider: str, provider_type: str, model: str) -> ModelBounds:
        written = self._models.get(f"{provider}/{model}") or ModelReservation()
        base = self._prices.base_of(provider, provider_type, model)
        window = written.context_window or self._prices.context_window(provider, provider_type, base)
        most = written.max_output_tokens or window
        return ModelBounds(window, most, written.assumed_output_tokens, media_of(base))
