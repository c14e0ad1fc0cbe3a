"""Is a merged tree a configuration? Everything that is wrong with it in one go, in whichever way it is wrong."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from gateway.config.checks import check_file, check_keys
from gateway.config.derived_keys import NO_DERIVED, Derived
from gateway.config.enforcement import unenforced_file, unenforced_keys
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.key_classes import SECTION, KeyClasses, of_a_key
from gateway.config.model import Config
from gateway.config.sections.virtual_keys import FALLBACK_SUFFIX, VirtualKey
from gateway.config.source import Path
from gateway.config.unknown_names import unknown_names, unknown_names_at_fault, unknown_names_in_keys
from gateway.config.validate import build

SAID_OF_OTHERS: Final = frozenset(
    {"unknown-reference", "no-provider", "alias-without-base", "unused-budget", "unused-locked-price", "not-shared"}
)
"""Findings that what others declare in the same control plane may answer."""


def may_be_of_others(finding: Finding, tree: Mapping[str, Any]) -> bool:
    """Whether a finding says only that a name is not declared here, which another owner may declare.

    The organization is one for all: where the file has its own, no other is meant.
    """
    if finding.section is None or finding.code not in SAID_OF_OTHERS:
        return False
    return finding.section != "organization" or "organization" not in tree


_NAMES_NOBODY: Final = frozenset({"no-provider", "unused-budget", "bad-move"})


class Serving(msgspec.Struct, frozen=True):
    """That the configuration is to be served, and by what: resolves `runtime-env` and refuses what is not enforced.

    `separate_counters` says how many processes would count limits and budgets, each for itself; `runtime_env` which
    variables `${runtime-env:NAME}` may read.
    """

    separate_counters: int = 1
    development_pepper: bool = False
    runtime_env: Collection[str] = ()


def judge(
    tree: Any, facts: Facts, serving: Serving | None, derived: Derived = NO_DERIVED
) -> tuple[Config | None, list[Checked]]:
    """The model of a tree, and everything that is found on the way.

    1. give keys what their classes say, and findings the place where that is said
    2. build the model, or explain why that cannot be done; what is not at fault is checked further nevertheless
    3. check what goes across sections; keys are built, checked and packed a few hundred at a time
    4. for serving, refuse what this build does not enforce
    5. tell what is found about keys of people where that is mended
    """
    classes = KeyClasses(tree)
    keys = tree.get("virtual_keys") if isinstance(tree, Mapping) else None
    found: list[Checked] = [*derived.faults, *classes.faults(keys if isinstance(keys, Mapping) else {})]
    of_classes: dict[tuple[str, Path], Checked] = {}

    def judge_keys(config: Config) -> None:
        found.extend(unknown_names_in_keys(tree, config, facts))
        judged = [*check_keys(config, facts)]
        if serving is not None:
            pepper = serving.development_pepper
            judged += unenforced_keys(config, workers=serving.separate_counters, development_pepper=pepper)
        for one in judged:
            at = placed(one)
            if derived and at.finding.path[:1] == (SECTION,) and one.finding.path[1] in derived.people:
                of_classes.setdefault((at.finding.code, at.finding.path), at)
            else:
                found.append(at)

    def placed(one: Checked) -> Checked:
        return msgspec.structs.replace(one, finding=_placed(one.finding, classes, keys)) if classes else one

    config, findings = build(tree, judge_keys, classes)
    if config is not None and classes:
        said = [placed(one) for one in _on_classes(config, facts, classes)]
        told_already = {(one.finding.code, one.finding.path) for one in said}
        found += [*said, *(one for key, one in of_classes.items() if key not in told_already)]
    findings = [_placed(one, classes, keys) for one in findings] if classes else findings
    if config is not None:
        found += unknown_names(tree, config, facts)
        found += check_file(config, facts)
        if serving is not None:
            found += unenforced_file(config, workers=serving.separate_counters)
    if config is not None and findings:
        told = {finding.path for finding in findings}
        at_fault = unknown_names_at_fault(tree, config, facts)
        found += [
            one
            for one in at_fault
            if told.isdisjoint(one.finding.path[:end] for end in range(3, len(one.finding.path) + 1))
        ]
        left_out = frozenset(_left_out(tree, config))
        # Of sections that are no section, nobody can say what they would have declared.
        unread = {finding.path[0] for finding in findings if len(finding.path) == 1}
        found = [
            Checked(_hinted(one.finding, tree, left_out), one.severity)
            for one in found
            if one.finding.section not in unread and not _may_follow(one.finding, tree, left_out)
        ]
    every = (*(Checked(one) for one in findings), *found)
    return config, [*dict.fromkeys(derived.told(every) if derived else every)]


def _on_classes(config: Config, facts: Facts, classes: KeyClasses) -> Iterator[Checked]:
    """What would be said of a key of each class that says nothing itself, as far as it is about what the class says."""
    whole = classes.class_trees
    keys = {name: VirtualKey.model_validate(of_a_key(whole[name].tree)) for name in config.key_classes}
    for one in check_keys(config.model_copy(update={"virtual_keys": keys}), facts):
        section, *rest = one.finding.path
        if section == "virtual_keys" and len(rest) > 1:
            yield msgspec.structs.replace(one, finding=msgspec.structs.replace(one.finding, path=(SECTION, *rest)))


def _placed(finding: Finding, classes: KeyClasses, keys: Any) -> Finding:
    """A finding on a key, or a class, where that is written which it is about."""
    return msgspec.structs.replace(finding, path=classes.written_at(finding.path, keys))


def _left_out(tree: Any, config: Config) -> Iterator[str]:
    """Names of entries that the tree has and the model has not; what refers to keys knows all of them anyway."""
    for section, entries in tree.items():
        if isinstance(entries, Mapping) and section != "virtual_keys":
            built = getattr(config, section, None)
            yield from set(entries).difference(built if isinstance(built, Mapping) else ())


def _may_follow(finding: Finding, tree: Any, left_out: frozenset[str]) -> bool:
    """Whether something seems not to be there only because it is at fault itself, which is told already."""
    if finding.code in _NAMES_NOBODY:
        return True
    return finding.code in SAID_OF_OTHERS and not left_out.isdisjoint(_names(tree, finding.path))


def _hinted(finding: Finding, tree: Any, left_out: frozenset[str]) -> Finding:
    """An unknown name with the name that may have been meant among those that the model has not either."""
    if finding.code != "unknown-reference" or not left_out:
        return finding
    close = [match for name in _names(tree, finding.path) for match in get_close_matches(name, left_out, n=1)]
    if close:
        return msgspec.structs.replace(finding, hint=f"Did you mean {close[0]!r}?")
    is_list = finding.hint is not None and not finding.hint.startswith("Did you mean")
    return msgspec.structs.replace(finding, hint=None) if is_list else finding


def _names(tree: Any, path: Path) -> Iterator[str]:
    """What a place refers to: a name, the provider of a model, or the alias that another continues."""
    for part in path:
        tree = tree[part]
    for text in (tree, path[-1]):
        if isinstance(text, str):
            yield from (text, text.partition("/")[0], text.removesuffix(FALLBACK_SUFFIX))
