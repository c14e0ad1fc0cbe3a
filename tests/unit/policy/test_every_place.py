"""Whatever is denied is refused at every place where a table lets it be declared, however the body is written."""

import json
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.policy.judge import Judge
from gateway.shapes.chat import CHAT
from gateway.shapes.converse import CONVERSE
from gateway.shapes.declares import OF_MODELS, Says, declared
from gateway.shapes.images import IMAGES
from gateway.shapes.messages import MESSAGES
from gateway.shapes.responses import RESPONSES
from gateway.wire.json_body import JsonBody

SHAPES = [CHAT, RESPONSES, MESSAGES, CONVERSE, IMAGES]
DENIED = "denied-thing"
DEEPEST = 7
RULE = SimpleNamespace(deny=[f"^{DENIED}$"], allow=None)
JUDGE = Judge([("set", SimpleNamespace(tools=RULE, mcp=RULE, urls=None, models=None))])
_FREE_NAMES = ["tools", "Tools", "model", "type", "TYPE", "parameters", "server_url", "name", "é", "definition", ""]
FREE = st.recursive(
    st.sampled_from([None, True, 3, "denied-thing", '"tools":', "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FREE_NAMES), inner, max_size=3),
    max_leaves=6,
)
"""What may stand in schemas, in inputs of past calls and in metadata."""


def reach(table):
    """What can be said below each kind, by the rows alone."""
    found = {says: {says} for says in Says} | {name: set() for name in table.kinds}
    for _ in table.kinds:
        for name, kind in table.kinds.items():
            found[name].update(*(found[place.holds] for place in kind.places if place.said is None))
            found[name] |= {kind.text} if kind.text else set()
    return found


def inner_places(kind, type_):
    row = kind.known.get(type_, kind.other)
    own = {one.path for one in row.places}
    return [*(one for one in kind.every if one.path not in own), *row.places]


@st.composite
def chains(draw, shape, wanted):
    """A chain of places from the top of a body to something that is said."""
    table, reached = shape.declares, reach(shape.declares)
    places, chain = table.places, []
    while True:
        assume(len(chain) < DEEPEST)
        leading = [one for one in places if one.said is None and reached[one.holds] & wanted]
        short = [one for one in leading if isinstance(one.holds, Says)]
        place = draw(st.sampled_from(short if len(chain) > 4 and short else leading))
        if isinstance(place.holds, Says):
            return [*chain, (place, None)]
        kind = table.kinds[place.holds]
        types = [
            type_
            for type_ in (*kind.known, "future")
            if any(one.said is None and reached[one.holds] & wanted for one in inner_places(kind, type_))
        ]
        if kind.text in wanted and (not types or draw(st.booleans())):
            return [*chain, (place, None)]
        type_ = draw(st.sampled_from(types))
        chain.append((place, (kind, type_)))
        places = inner_places(kind, type_)


@st.composite
def bodies(draw, shape, wanted):
    """A body that says DENIED at one place, where, and whether an object on the way there is of an unknown type."""
    chain = draw(chains(shape, wanted))
    members, path = _members(draw, chain, "")
    names = set(members)
    for name, value in {"metadata": {"x": draw(FREE)}, "model": "m", "temperature": 1}.items():
        if name not in names:
            members[name] = value
    return members, path, any(typed is not None and typed[1] == "future" for _, typed in chain)


def _members(draw, chain, base):
    """The members of an object that lead along a chain, and the path at its end."""
    (place, typed), *rest = chain
    end = base
    lists = []
    for step in place.steps:
        if step == "[]":
            index = draw(st.integers(0, 2)) if place.bulk else 0
            lists.append(index)
            end += f"[{index}]"
        else:
            end += f".{step}" if end else step
    if typed is None:
        value = DENIED
    else:
        kind, type_ = typed
        value, end = _members(draw, rest, end)
        row = kind.known.get(type_, kind.other)
        if row.needs and not {need.partition(".")[0] for need in row.needs} & set(value):
            value[row.needs[-1]] = "fine"
        if kind.tag and type_ is not None:
            value.setdefault(kind.tag, type_)
        if kind.tag and value.get(kind.tag) != DENIED and type_ != "future" and draw(st.booleans()):
            value.setdefault("input_schema", {"schema": draw(FREE)})
    for step in reversed(place.steps):
        value = [*["aside"] * lists.pop(), value] if step == "[]" else {step: value}
    return value, end


def spelt(value, rng):
    """JSON in one of its many spellings."""
    space = rng.choice(["", " ", "\n\t"])
    if isinstance(value, dict):
        members = [f"{space}{_text(key, rng)}{space}:{space}{spelt(one, rng)}" for key, one in value.items()]
        return "{" + f"{space},".join(members) + space + "}"
    if isinstance(value, list):
        return "[" + f"{space},".join(spelt(one, rng) for one in value) + space + "]"
    return _text(value, rng) if isinstance(value, str) else json.dumps(value)


def _text(text, rng):
    odds = rng.choice([0, 0, 0.3])
    return '"' + "".join(f"\\u{ord(one):04x}" if rng.random() < odds else json.dumps(one)[1:-1] for one in text) + '"'


def refusal_of(shape, data, wanted):
    try:
        body = JsonBody(data)
        if wanted == OF_MODELS:
            found = [one.path for one in declared(shape.declares, body, OF_MODELS) if one.value == DENIED]
            return ("model_not_allowed", found[0]) if found else None
        JUDGE.check_declarations(shape, body)
    except GatewayError as error:
        return error.type, error.param
    return None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize(
    "wanted",
    [frozenset((Says.TOOL, Says.LISTED_TOOL)), frozenset((Says.MCP,)), OF_MODELS],
    ids=["tools", "mcp", "models"],
)
def test_what_is_denied_is_refused_at_every_place_and_the_rest_passes(shape, wanted):
    @given(bodies(shape, wanted), st.integers(0, 2**32))
    def every_place(case, seed):
        rng = Random(seed)  # noqa: S311
        members, path, is_unknown = case
        written = spelt(members, rng).encode()
        kind, param = refusal_of(shape, written, wanted)
        if kind == "unsupported_parameter":
            assert is_unknown
            assert path.startswith(param)
            return
        assert (kind, param) == ("model_not_allowed" if wanted == OF_MODELS else "tool_not_allowed", path)
        fine = json.loads(written)
        _undo(fine, path)
        assert refusal_of(shape, spelt(fine, rng).encode(), wanted) is None or is_unknown

    every_place()


def _undo(value, path):
    """Puts something harmless where the denied thing stood."""
    steps = path.replace("[", ".[").split(".")
    for step in steps[:-1]:
        value = value[int(step[1:-1])] if step.startswith("[") else value[step]
    last = steps[-1]
    value[int(last[1:-1]) if last.startswith("[") else last] = "fine"
