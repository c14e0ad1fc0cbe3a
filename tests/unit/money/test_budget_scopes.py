import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.money.budget import (
    CompiledBudget,
    Scope,
    Who,
    applies,
    counter_key,
    counter_root,
    counts,
    end_user_of,
    refuses_unpriced,
    unit_of_counter,
)
from gateway.money.window import Window
from gateway.policy.patterns import compile_glob

WHO = Who(virtual_key="k", organization="o", teams=("s", "t"), project="p", principal="a", tags=("x", "y"))


def budget(kind="team", value="t", **others):
    return CompiledBudget(name="b", scope=Scope(kind, value), window=Window("month"), limit=1, **others)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("organization", "o"), ("team", "t"), ("project", "p"), ("principal", "a"), ("virtual_key", "k"), ("tag", "y")],
)
def test_a_scope_covers_its_own_name_alone(kind, value):
    assert applies(budget(kind, value), WHO)
    assert not applies(budget(kind, value + "2"), WHO)
    assert not applies(budget(kind, "None"), Who(virtual_key="other"))


def test_filters_and_unpriced_models():
    assert counts(budget(), "any", "m", "messages")
    assert [counts(budget(provider="main"), one, "m", "messages") for one in ("main", "other")] == [True, False]
    of_messages = budget(endpoint="messages")
    assert [counts(of_messages, "any", "m", one) for one in ("messages", "chat_completions")] == [True, False]
    of_opus = budget(model="*opus*", matches_model=compile_glob("*opus*"))
    assert [counts(of_opus, "any", one, "messages") for one in ("claude-opus-4-8", "gpt-5")] == [True, False]
    of_one = budget(model="main/*", matches_model=compile_glob("main/*"))
    assert [counts(of_one, one, "m", "messages") for one in ("main", "other")] == [True, False]
    assert refuses_unpriced(budget())
    assert not refuses_unpriced(budget(blocks=False))
    assert not refuses_unpriced(budget(refuses_unpriced=False))


def test_keys_of_counters():
    assert counter_key(budget(), WHO, None, "2026-11") == "budget:b:team=t:month=2026-11"
    assert (
        counter_key(budget(each="principal", provider="main"), WHO, "u", "2026-11")
        == "budget:b:team=t:provider=main:month=2026-11:each_principal=a"
    )
    long = budget("team", "t" * 200, unit="tokens")
    assert unit_of_counter(counter_key(long, WHO, None, "2026-11")) == "tokens"
    filtered = budget(model="a/*opus*", endpoint="messages")
    assert (
        counter_key(filtered, WHO, None, "2026-11")
        == "budget:b:team=t:model=a%2F%2Aopus%2A:endpoint=messages:month=2026-11"
    )
    assert (
        counter_key(budget(each="principal"), Who(virtual_key="k"), None, "2026-11")
        == "budget:b:team=t:month=2026-11:each_principal="
    )


def test_no_name_of_a_counter_is_longer_than_a_column_and_all_of_a_budget_begin_alike():
    long = CompiledBudget(
        name="b" * 128, scope=Scope("team", "t" * 128), each="end_user", window=Window("day"), limit=1
    )
    keys = {counter_key(long, WHO, "u" * 200 + end_user, "2026-11-24") for end_user in ("", "1", "2")}

    assert len(keys) == 3
    assert max(map(len, keys)) <= 255
    assert all(key.startswith(counter_root(long, "2026-11-24") + ":") for key in keys)


TEXT = st.text(alphabet="ab:=%{}/+@, \u00e9", max_size=6)


@given(st.tuples(TEXT, TEXT, TEXT, TEXT), st.tuples(TEXT, TEXT, TEXT, TEXT))
def test_different_budgets_people_and_windows_never_share_a_counter(one, other):
    def key(parts):
        name, scope, end_user, window = parts
        entry = CompiledBudget(name=name, scope=Scope("team", scope), each="end_user", window=Window("day"), limit=1)
        return counter_key(entry, WHO, "u" + end_user, window)

    assert (key(one) == key(other)) is (one == other)


@pytest.mark.parametrize("end_user", [None, ""])
def test_a_budget_per_end_user_needs_one(end_user):
    with pytest.raises(GatewayError) as refused:
        counter_key(budget(each="end_user"), WHO, end_user, "2026-11")

    assert (refused.value.type, refused.value.status) == ("end_user_required", 400)


@pytest.mark.parametrize(
    ("header", "stated", "named"),
    [
        (b"h", ["u"], "h"), (None, ["u", "m"], "u"), (b" ", ["m"], "m"), (None, [" ", "m"], "m"), (None, ["x" * 257, "m"], None),
        (None, ["a\x00b"], None), (None, ["\ud800"], None), (None, [], None), (b"x" * 256, [], "x" * 256),
        ("José".encode(), [], "José"), (" Élodie ".encode(), [], "Élodie"), ("日本".encode(), [], "日本"), (None, ["日" * 256], "日" * 256),
    ],
)  # fmt: skip
def test_who_the_end_user_is(header, stated, named):
    assert end_user_of(header, stated) == named


@pytest.mark.parametrize("header", [b"x" * 257, b"a\x07b", "José".encode("latin-1"), "日".encode() * 257])
def test_a_header_that_is_no_id_is_refused(header):
    with pytest.raises(GatewayError) as refused:
        end_user_of(header, [])

    assert (refused.value.type, refused.value.code) == ("bad_request", "end_user_invalid")


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match="negative"):
        CompiledBudget(name="b", scope=Scope("team", "t"), window=Window("day"), limit=-1)
