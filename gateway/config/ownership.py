"""Whose resources are, and on whose keys they act.

A control plane confines an owner once a token that is bound to it has written something: from then on what is this
owner's acts on its own keys alone. Nobody names what a confined owner has, and a confined owner names nothing of
others, unless whoever has it shares it (`shared_with`). Of owners that are not confined, everything acts on every key.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.config.field_tree import SETTINGS
from gateway.config.findings import Checked, Finding
from gateway.config.model import Config
from gateway.config.references import is_of_a_node
from gateway.config.referring import PRICES, SECTION_OF, Key, referred
from gateway.config.resources import Resource
from gateway.config.sections.budgets import Budget
from gateway.config.sections.limits import Limits
from gateway.config.source import Path
from gateway.secret import Secret

EVERY_OWNER: Final = "*"
_MATCHED: Final = ("team", "project", "principal", "virtual_key")
_OF_A_PROCESS: Final = ("settings", "log_level")
"""The setting that no gateway can have for some keys alone."""


class Ownership(msgspec.Struct, frozen=True):
    """Who has what; `owners` and `shared` are empty where nobody is confined, since all is everybody's then."""

    confined: frozenset[str] = frozenset()
    owners: Mapping[Key, str] = {}
    shared: Mapping[Key, Collection[str]] = {}

    def owner_of_key(self, name: str) -> str | None:
        """The confined owner of a virtual key; `None`: it has none, or one that is not confined."""
        owner = self.owners.get(("virtual_keys", name))
        return owner if owner in self.confined else None

    def may_name(self, owner: str, key: Key) -> bool:
        """Whether a file of an owner may name a resource."""
        whose = self.owners.get(key)
        if whose is None or whose == owner or self.confined.isdisjoint((whose, owner)):
            return True
        return not {EVERY_OWNER, owner}.isdisjoint(self.shared.get(key, ()))

    def reaches_unasked(self, owner: str | None, provider: str) -> bool:
        """Whether keys of a confined owner, or of all others, that list no providers reach this one.

        What another confined owner has is reached by no key whose file does not say so, however it is shared.
        """
        whose = self.owners.get(("providers", provider))
        if whose == owner or whose is None:
            return True
        return whose not in self.confined and (owner is None or self.may_name(owner, ("providers", provider)))

    def acts_on(self, key: Key, owner: str | None) -> bool:
        """Whether a resource that is for every key acts on those of a confined owner, or of all others."""
        whose = self.owners.get(key)
        return whose == owner or whose not in self.confined

    def counts(self, name: str, budget: Budget, owner: str | None) -> bool:
        """Whether a budget counts keys of a confined owner, or of all others.

        It counts those of its own owner, and all that name what is its owner's: whoever names that was let to.
        """
        kind, value = budget.scope.named
        own = self.owners.get((SECTION_OF.get(kind, ""), value))
        return self.acts_on(("budgets", name), owner) or (own is not None and own == self.owners.get(("budgets", name)))

    def limits(self, name: str, limits: Limits, owner: str | None) -> bool:
        """The same of a set of limits: it counts those of its own owner, and all that name what is its owner's."""
        whose = self.owners.get(("limits", name))
        named = ((section, getattr(limits.match, kind)) for kind, section in SECTION_OF.items() if kind in _MATCHED)
        is_of_own = whose is not None and any(value and self.owners.get((s, value)) == whose for s, value in named)
        return self.acts_on(("limits", name), owner) or is_of_own


NOBODYS: Final = Ownership()
"""That of files: everything acts on every key."""


def ownership_of(resources: Iterable[Resource]) -> Ownership:
    """Who has these resources."""
    found = [*resources]
    confined = frozenset(one.owner for one in found if one.confined)
    if not confined:
        return NOBODYS
    shared = {(one.kind, one.name): one.spec["shared_with"] for one in found if "shared_with" in one.spec}
    return Ownership(confined, {(one.kind, one.name): one.owner for one in found}, shared)


def seen_by(config: Config, ownership: Ownership, owner: str | None) -> Config:
    """The configuration as it is for the keys of a confined owner; `None`: for all others."""
    if not ownership.confined:
        return config
    others = {name for name in SETTINGS if not ownership.acts_on(("settings", name), owner)}
    return config.model_copy(
        update={
            **{name: Config.model_fields[name].default for name in others},
            "model_aliases": {
                alias: targets
                for alias, targets in config.model_aliases.items()
                if ownership.acts_on(("model_aliases", alias), owner)
            },
            "models": {
                name: model for name, model in config.models.items() if ownership.acts_on(("models", name), owner)
            },
            "limits": {name: one for name, one in config.limits.items() if ownership.limits(name, one, owner)},
            "budgets": {
                name: budget for name, budget in config.budgets.items() if ownership.counts(name, budget, owner)
            },
        }
    )


def not_shared(
    resources: Iterable[Resource], inheriting: Iterable[Resource], ownership: Ownership
) -> Iterator[Checked]:
    """What files name of others who do not share it, and what nobody says for their own keys alone.

    `inheriting` are the same with all that keys inherit.
    """
    providers = [name for kind, name in ownership.owners if kind == "providers"]
    reaching = {
        owner: any(ownership.reaches_unasked(owner, name) for name in providers)
        for owner in (None, *ownership.confined)
    }
    for one in resources:
        yield from _foreign_names(one, ownership)
        yield from _of_everybody(one)
    for one in inheriting:
        lists_none = one.kind == "virtual_keys" and "providers" not in one.spec
        if lists_none and not reaching[one.owner if one.confined else None]:
            yield _no_provider(one)


def _foreign_names(one: Resource, ownership: Ownership) -> Iterator[Checked]:
    for key in dict.fromkeys(referred(one)):
        if not ownership.may_name(one.owner, key):
            yield _not_shared(one, key, ownership.owners[key])
        elif one.kind in PRICES and one.confined and ownership.owners.get(key, one.owner) != one.owner:
            yield _foreign_price(one, key, ownership.owners[key])


def _of_everybody(one: Resource) -> Iterator[Checked]:
    if one.confined and (one.kind, one.name) == _OF_A_PROCESS:
        message = f"{one.name} is of whole gateways, and {one.owner} acts on its own keys alone"
        yield Checked(Finding("not-shared", message, _place(one), "Take it out."))
    if one.confined and any(map(is_of_a_node, _texts(one.spec))):
        message = f"${{runtime-env:}} reads what nodes have for everybody, and {one.owner} has what is its own alone"
        yield Checked(Finding("not-shared", message, _place(one), "Write ${env:NAME}, which is read at apply."))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _not_shared(one: Resource, key: Key, owner: str) -> Checked:
    address = ".".join(key)
    message = f"{one.owner} names {address}, which belongs to {owner} and is not shared"
    hint = f"In the file of {owner}, add to {address}: shared_with: [{one.owner}]."
    if key[0] == "virtual_keys":
        hint = "A virtual key is never shared: name what is your own."
    return Checked(Finding("not-shared", message, _place(one), hint, whose=owner))


def _foreign_price(one: Resource, key: Key, owner: str) -> Checked:
    message = f"{'.'.join(key)} belongs to {owner}, and so does what its models cost"
    hint = f"Take it out, or have {owner} write the price."
    return Checked(Finding("not-shared", message, _place(one), hint, whose=owner))


def _no_provider(one: Resource) -> Checked:
    message = f"the key {one.name} reaches no provider: {one.owner} has none, and none is shared with it"
    hint = f"List a provider that is shared, or have its owner add to it: shared_with: [{one.owner}]."
    return Checked(Finding("no-provider", message, _place(one), hint, True))


def _place(one: Resource) -> Path:
    return (one.name,) if one.kind == "settings" else (one.kind, one.name)
