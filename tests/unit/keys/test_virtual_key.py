import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.keys.mint import mint
from gateway.keys.virtual_key import environment_of

GOOD = "lw_vk_live_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize("environment", ["live", "test"])
def test_a_minted_key_has_the_form(environment):
    secret = mint(environment).reveal()

    assert re.fullmatch(r"lw_vk_(live|test)_[0-9A-HJKMNP-TV-Z]{26}", secret)
    assert len(secret) == 37
    assert environment_of(secret) == environment


def test_keys_are_minted_once():
    secrets = {mint("test").reveal() for _ in range(1000)}

    assert len(secrets) == 1000
    assert len({secret[-16:] for secret in secrets}) == 1000


def test_a_minted_key_cannot_be_printed():
    secret = mint("live")

    assert secret.reveal() not in f"{secret!r} {secret} {[secret]}"


@pytest.mark.parametrize("environment", ["", "LIVE", "prod", "live_"])
def test_there_are_two_environments(environment):
    with pytest.raises(ValueError, match="live, test"):
        mint(environment)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        " " + GOOD,
        GOOD.lower(),
        GOOD.replace("live", "prod"),
        GOOD.replace("live", "LIVE"),
        GOOD[:-1] + "U",
        GOOD[:-1] + "I",
        GOOD[:-1] + "é",
        GOOD[:-1] + "٣",
        "lw_vk_live_8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "sk-" + GOOD[3:],
    ],
)
def test_other_texts_are_no_keys(secret):
    assert environment_of(secret) is None


@settings(deadline=None)
@given(st.text() | st.from_regex(r"lw_vk_(live|test|prod)_[0-9A-Z]{26}"))
def test_any_text_is_judged(text):
    form = re.fullmatch(r"lw_vk_(live|test)_[0-7][0-9A-HJKMNP-TV-Z]{25}", text)

    assert environment_of(text) == (form[1] if form else None)
