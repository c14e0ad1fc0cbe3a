"""What the models have to say of every field, so that no engine meets one that nobody has thought about."""

import re

from gateway.config.address import KINDS
from gateway.config.field_tree import NAMES, SETTINGS, fields_of, kind_of, tree_of, tree_of_file
from gateway.config.model import Config
from gateway.config.sections.access import Order
from gateway.config.sections.base import Section
from gateway.config.sections.marks import Refers, Written

RESOURCES = [(kind, "") for kind in KINDS if kind != "settings"] + [("settings", name) for name in SETTINGS]
NAMED_IN_TEXT = re.compile(r"[Oo]ne of `(\w+)`")


def test_every_field_says_in_which_direction_it_widens():
    silent = {
        (kind, name, path)
        for kind, name in RESOURCES
        for path, field in fields_of(kind, name).paths()
        if not (field.members or field.items or field.entries) and NAMES not in path
        if not any(one.mark(Order) for one in fields_of(kind, name).along(path))
    }

    assert silent == set()


def test_every_field_that_is_told_to_name_something_refers_to_it():
    """Whether it is there, what is renamed with it and what a plan pulls in follow from that alone."""
    told = [
        (section, field.alias or name, found[1])
        for section in (Config, *_sections(Section))
        for name, field in section.model_fields.items()
        if (found := NAMED_IN_TEXT.search(field.description or "")) and found[1] in Config.model_fields
    ]
    silent = {
        (section.__name__, name)
        for section, name, kind in told
        if kind not in {mark.kind for _, one in tree_of(section).members[name].paths() if (mark := one.mark(Refers))}
    }

    assert told
    assert silent == set()


def test_free_text_is_free_text_everywhere():
    texts = [one for path, one in tree_of_file().paths() if path[-1:] == ("description",)]

    assert texts
    assert all(one.mark(Written) for one in texts)


def test_every_section_of_entries_says_what_one_of_them_is_called():
    assert {kind: kind_of(kind).noun for kind in KINDS if kind != "settings"} == {
        "trace_collectors": "trace collector",
        "teams": "team",
        "projects": "project",
        "principals": "principal",
        "providers": "provider",
        "model_aliases": "model alias",
        "models": "model",
        "policy_rules": "policy_rules set",
        "key_classes": "key class",
        "virtual_keys": "virtual_key",
        "budgets": "budget",
        "limits": "set of limits",
        "prices": "price",
        "locked_prices": "locked price",
    }


def _sections(base):
    for one in base.__subclasses__():
        yield one
        yield from _sections(one)
