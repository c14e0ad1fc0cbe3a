"""What a request asks, whatever API it was written for: readers make this value of a client's body, writers a target's.

Everything keeps the path that it has in the client's body, so that what a target has no place for is told, or refused,
by the client's own name. What a shape cannot say is absent; nothing is made up.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

_Value = TypeVar("_Value")


class Feature(enum.StrEnum):
    """What a request can ask for: a client's table names the feature of each parameter, a target's treats each.

    The value is what a docs page calls it. A new feature is a member here and a row in each target's table.
    """

    MODEL = "the model"
    INSTRUCTIONS = "instructions before the conversation"
    TURNS = "the turns of the conversation"
    SYSTEM_TURN = "instructions between turns"
    PREFILL = "an answer that the request begins"
    TEXT = "text"
    IMAGE = "images"
    IMAGE_DETAIL = "the resolution that images are seen in"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "documents"
    SEARCH_RESULT = "search results that the client brings"
    ASKS_CITATIONS = "citations of documents"
    THOUGHT = "earlier thinking"
    CALL = "calls of tools"
    RESULT = "what tools returned"
    FAILED_RESULT = "that a tool failed"
    SERVER_CALL = "calls of tools that a provider ran"
    CACHE_MARK = "marks of what to cache"
    CACHE_HINT = "hints at caching"
    OUTPUT_LIMIT = "the limit of the output"
    TEMPERATURE = "temperature"
    TOP_P = "top-p"
    TOP_K = "top-k"
    STOPS = "texts to stop at"
    SEED = "a seed"
    PENALTIES = "penalties of repetition"
    LOGIT_BIAS = "bias of tokens"
    LOGPROBS = "log probabilities"
    CHOICES = "several answers"
    STREAM = "a stream"
    STREAM_USAGE = "usage in a stream"
    STREAM_PADDING = "padding of a stream"
    END_USER = "the end user"
    METADATA = "metadata"
    SERVICE_TIER = "the service tier"
    EFFORT = "effort of reasoning"
    THINKING_BUDGET = "a budget of thinking"
    SHOWN_THINKING = "how thinking is shown"
    JSON_SCHEMA = "an answer by a JSON schema"
    JSON_MODE = "an answer in JSON"
    SCHEMA_NAME = "the schema's name"
    SCHEMA_DESCRIPTION = "the schema's description"
    STRICT_SCHEMA = "strict keeping to a schema"
    VERBOSITY = "verbosity"
    TOOL = "functions as tools"
    STRICT_TOOL = "strict arguments"
    CUSTOM_TOOL = "tools that take a text"
    TOOL_GROUP = "groups of tools"
    TOOL_EXAMPLES = "examples of a tool's input"
    DEFERRED_TOOL = "tools that are loaded later"
    WEB_SEARCH = "search of the web by the provider"
    SERVER_TOOL = "other tools that the provider runs"
    MCP_SERVER = "MCP servers that the provider calls"
    TOOL_CHOICE = "which tool to call"
    PARALLEL_CALLS = "one call at a time"
    STORED_ANSWER = "storing the answer"
    STORED_STATE = "state that a provider holds"
    SPOKEN_ANSWER = "answers that are no text"
    PREDICTION = "a predicted answer"
    MODERATION = "moderation by the provider"
    SAFETY = "settings of safety"
    CONTEXT_EDITING = "editing of the conversation by the provider"
    REGION = "where the request is processed"
    PROVIDERS_OWN = "what is one provider's own"


class Given(NamedTuple, Generic[_Value]):
    """A parameter's value, and where it stands in the client's body."""

    value: _Value
    path: str


class Origin(enum.StrEnum):
    """Who takes back what is opaque; behind a slash follows the name of the only provider that does."""

    CLAUDE = "anthropic"
    """Claude on any cloud."""

    GEMINI = "gemini"
    """Google's models, at either of its APIs."""

    OPENAI = "openai/"
    CONVERSE = "converse/"
    REASONING_CONTENT = "reasoning_content/"


class Opaque(msgspec.Struct, frozen=True):
    """What a provider gave to have it back as it was: a signature, redacted thinking, encrypted reasoning.

    `origin` is who takes it back, an `Origin`, maybe with a name. `state` are its members in that API.
    """

    origin: str
    state: Mapping[str, Any]


class Inline(msgspec.Struct, frozen=True):
    """Data that the request holds: base64, and the media type in lower case, empty where it is not said."""

    media_type: str
    data: str


class Linked(msgspec.Struct, frozen=True):
    """Data at a URL of any kind but a data URL."""

    url: str


class PlainText(msgspec.Struct, frozen=True):
    """A document that is text."""

    text: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a turn. `cache` is the cache mark on it, in Anthropic's words (`type`, maybe `ttl`)."""

    path: str
    cache: Mapping[str, Any] | None = None


class Text(Part, frozen=True, kw_only=True):
    """What somebody says."""

    text: str


class Image(Part, frozen=True, kw_only=True):
    """A picture; `detail` is the resolution that OpenAI's clients ask for."""

    source: Inline | Linked
    detail: str = ""


class Audio(Part, frozen=True, kw_only=True):
    """Speech or sound."""

    source: Inline | Linked


class Video(Part, frozen=True, kw_only=True):
    """Moving pictures."""

    source: Inline | Linked


class Document(Part, frozen=True, kw_only=True):
    """A file to read, maybe made of parts; `name` is its title or file name, `context` what the client says of it."""

    source: "Inline | Linked | PlainText | tuple[Part, ...]"
    name: str = ""
    context: str = ""
    cites: bool = False


class SearchResult(Part, frozen=True, kw_only=True):
    """A passage that the client found, for the model to go by and to cite."""

    title: str
    source: str
    texts: Sequence[str]
    cites: bool = False


class Thought(Part, frozen=True, kw_only=True):
    """What a model thought in an earlier answer; `opaque` is what proves it, or stands for it."""

    text: str
    opaque: Opaque | None = None


class Call(Part, frozen=True, kw_only=True):
    """A call of a tool in an earlier answer.

    `arguments` are as the model wrote them: the text of a JSON object, at best; for a custom tool any text. `group` is
    the namespace of the tool. `opaque` is what the provider wants back with the call.
    """

    id: str
    name: str
    arguments: str
    is_custom: bool = False
    group: str = ""
    opaque: Opaque | None = None


class Result(Part, frozen=True, kw_only=True):
    """What a tool returned."""

    call_id: str
    parts: "tuple[Part, ...]"
    failed: bool = False


class Role(enum.StrEnum):
    """Who speaks in a turn; what tools returned is said by the user."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Turn(msgspec.Struct, frozen=True):
    """What one side says before the other does. `path` is that of its first message."""

    role: Role
    parts: tuple[Part, ...]
    path: str


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the client runs. `schema` is that of its arguments, `None` for one that takes none.

    `strict` is `None` where the request does not say. With `grammar` it is a custom tool, that takes a text: the format
    as OpenAI's API states it, empty for any text. `group` is the namespace that it stands in.
    """

    name: str
    path: str
    description: str = ""
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    grammar: Mapping[str, Any] | None = None
    group: str = ""
    cache: Mapping[str, Any] | None = None


class Choice(msgspec.Struct, frozen=True):
    """What may be called: `mode` is `auto`, `none` or `required`.

    `name` is the only tool that has to be called, `allowed` names those that may be, if not all.
    """

    mode: str
    path: str
    name: str | None = None
    allowed: tuple[str, ...] | None = None


ASKS_JSON: Final = "Answer with one JSON object and nothing else: no words around it, no code fence."
"""What a model is told where its API cannot hold it to JSON without a schema."""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON that the answer has to be; without a schema, any JSON object."""

    path: str
    schema: Mapping[str, Any] | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How to reason, as far as the request says: each member is `None` where it does not.

    `effort` is one of `EFFORTS`. `mode` is Anthropic's: `enabled` (with `budget`, in tokens), `disabled`, `adaptive`
    or `between_tools`. `shown` is whether and how thinking is to be shown, in the client's words.
    """

    effort: Given[str] | None = None
    mode: Given[str] | None = None
    budget: Given[int] | None = None
    shown: Given[str] | None = None

    def as_effort(self) -> Given[str] | None:
        """The effort that is asked for, in whatever words; `None` leaves it to the model."""
        if self.mode is not None and self.mode.value == "disabled":
            return Given("none", self.mode.path)
        if self.effort is not None or self.budget is None:
            return self.effort
        path = self.budget.path if self.mode is None else self.mode.path
        return Given(next((effort for limit, effort in _BUDGETS if self.budget.value < limit), "high"), path)


_BUDGETS: Final = ((8_192, "low"), (24_576, "medium"))
"""Budgets, in tokens, and the effort that those below stand for."""

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every effort that any API has, the least first."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A request. What it does not say is `None`, or empty.

    Turns are as the client ordered them, those in a row of one role as one. `instructions` stand before the
    conversation where the client's API has a member for them, else they are the first turns, of the role system.
    """

    turns: tuple[Turn, ...]
    instructions: tuple[Part, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Choice | None = None
    parallel: Given[bool] | None = None
    output_limit: Given[int] | None = None
    temperature: Given[float] | None = None
    top_p: Given[float] | None = None
    top_k: Given[int] | None = None
    seed: Given[int] | None = None
    frequency_penalty: Given[float] | None = None
    presence_penalty: Given[float] | None = None
    stops: Given[tuple[str, ...]] | None = None
    format: Format | None = None
    reasoning: Reasoning = Reasoning()
    verbosity: Given[str] | None = None
    end_user: Given[str] | None = None
    metadata: Given[Mapping[str, Any]] | None = None
    service_tier: Given[str] | None = None
    cache_key: Given[str] | None = None
    streams: bool = False

    def hoisted(self) -> tuple[tuple[Part, ...], tuple[Turn, ...]]:
        """Instructions and turns for a target that has no instructions between turns: all of them stand before."""
        if not any(turn.role is Role.SYSTEM for turn in self.turns):
            return self.instructions, self.turns
        said = [part for turn in self.turns if turn.role is Role.SYSTEM for part in turn.parts]
        turns = Turns()
        for turn in self.turns:
            if turn.role is not Role.SYSTEM:
                turns.say(turn.role, turn.parts, turn.path)
        return (*self.instructions, *said), turns.made()


class Turns:
    """Gathers turns: what the same side says in a row is one."""

    __slots__ = ("_gathered",)

    def __init__(self) -> None:
        self._gathered: list[tuple[Role, list[Part], str]] = []

    def say(self, role: Role, parts: Sequence[Part], path: str) -> None:
        """Adds what a side says, to its turn where the last one is its own."""
        if not parts:
            return
        if self._gathered and self._gathered[-1][0] is role:
            self._gathered[-1][1].extend(parts)
        else:
            self._gathered.append((role, list(parts), path))

    def made(self) -> tuple[Turn, ...]:
        """The turns."""
        return tuple(Turn(role, tuple(parts), path) for role, parts, path in self._gathered)
