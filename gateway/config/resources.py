"""A configuration as flat resources: the shared language of plan, control plane and gateways that follow it.

A resource is one entry of one section, or one of the file's own fields (kind `settings`). Its spec is the normal form
of what was written: defaults are left out, amounts are decimal strings, moments are in UTC, credentials are `Secret`.
Two files that mean the same have equal resources, but for the order of lists whose order means nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, get_args

import msgspec
from pydantic import BaseModel, TypeAdapter

from gateway.config.address import KINDS, parse_address
from gateway.config.field_tree import SETTINGS, WRAPPED
from gateway.config.key_classes import KeyClasses, without_class, without_nulls
from gateway.config.model import Config
from gateway.config.origins import Origins
from gateway.config.packed_keys import NO_CLASSES, PackedKeys
from gateway.config.references import hides_everything
from gateway.config.sections.virtual_keys import KeySettings
from gateway.config.source import Path, pointer, steps, value_at, with_value
from gateway.secret import Secret

ROTATION: Final = ("previous_secret_hash", "previous_secret_expires_at")
"""Fields of a virtual key that a rotation leaves until the secret before it ends."""
LIFE_CYCLE: Final = ("secret_hash", *ROTATION, "state")
"""Fields of a virtual key that are the control plane's where the file does not have them."""

Spec = Mapping[str, Any]

_PLACEHOLDER: Final = "(sensitive"
"""How every text begins that is shown in place of a secret."""


class Resource(msgspec.Struct, frozen=True):
    """One thing that a configuration declares.

    `spec` is plain JSON but for `Secret`, and always a mapping: `{"targets": [...]}` for an alias,
    `{"value": ...}` for a setting.
    `references` are the texts that the file has in place of values (`${env:OPENAI_API_KEY}`), by JSON pointer in the
    spec: people are shown them instead, and nothing else is changed by them. Of a secret, they are only known where no
    part of it stands in the text.
    `id` is what it is whatever it is called: counters and the ledger know it by that. Where it is empty, the name is.
    `owner` is whose it is in a control plane, empty elsewhere; `confined` says that it acts on this owner's keys alone.
    """

    kind: str
    name: str
    spec: Spec
    references: Mapping[str, str] = {}
    id: str = ""
    owner: str = ""
    confined: bool = False

    @property
    def address(self) -> str:
        """`virtual_keys.dev-migration`: unique, since no kind has a dot."""
        return f"{self.kind}.{self.name}"


Identities = Mapping[tuple[str, str], str]
"""The ids of resources by kind and name, of those whose names they are not."""
NO_IDENTITIES: Final[Identities] = {}


def identities_of(resources: Iterable[Resource]) -> Identities:
    """What counters and the ledger call resources that have another name, the organization among them."""
    named = ((_names_what(one), one.id) for one in resources if one.id)
    return {key: identity for key, identity in named if key[1] != identity}


def _names_what(resource: Resource) -> tuple[str, str]:
    if (resource.kind, resource.name) == ("settings", "organization"):
        return "organizations", resource.spec["value"]
    return resource.kind, resource.name if resource.kind != "settings" else resource.id


def identities_of_moved(config: Config) -> Identities:
    """The same of a file that is served by itself: what it says was renamed is what it was, while it says so."""
    moves = ((parse_address(one.to), parse_address(one.from_)[1]) for one in config.moved)
    return dict(moves)


def resources_of(config: Config, references: Mapping[Path, str] | None = None) -> Iterator[Resource]:
    """Everything that a configuration declares, kind by kind; `references` are the file's, by path."""
    by_resource = _by_resource(references or {})
    for kind in KINDS:
        if kind == "settings":
            yield from (_with_references(one, by_resource) for one in _settings(config))
            continue
        for name, spec in _specs(config, kind):
            yield _with_references(Resource(kind, name, spec), by_resource)


def resources_as_written(config: Config, references: Mapping[Path, str]) -> Iterator[Resource]:
    """Everything that a configuration declares, where credentials are what is written in their place.

    So two files are compared, and not two machines. The texts are as secret as the credentials: a part of one may stand
    beside a reference.
    """
    by_resource = _by_resource(references)
    for one in resources_of(config, references):
        spec: Any = one.spec
        for path, text in by_resource.get((one.kind, one.name), {}).items():
            place = _place(spec, path)
            if isinstance(value_at(spec, place), Secret):
                spec = with_value(spec, place, Secret(text))
        yield msgspec.structs.replace(one, spec=spec)


def read_spec(kind: str, written: object, name: str = "") -> Spec:
    """The normal form of what somebody wrote for one resource; of a setting, the value.

    Raises:
        pydantic.ValidationError: No file could say so.
        ValueError: There is no such kind or setting, or what stands in place of a secret is given for one.
    """
    if kind == "settings":
        if name not in SETTINGS:
            raise ValueError(f"there is no setting {name!r}; there are {', '.join(SETTINGS)}")
        read = Config.model_validate({"version": 1, name: written})
        return {"value": _plain(_written(getattr(read, name)))}
    if kind in _INHERITING and isinstance(written, Mapping):
        spec = _as_written(written, _adapter(kind).validate_python(without_nulls(written)))
    else:
        spec = _spec(kind, _adapter(kind).validate_python(written))
    for place, secret in split_secrets(spec)[1].items():
        if _PLACEHOLDER in secret:
            raise ValueError(f"{'.'.join(steps(place))}: {secret[:32]} stands in place of a secret and is none")
    return spec


def tree_of(resources: Iterable[Resource]) -> dict[str, Any]:
    """The tree that a file with these resources would have; secrets stay `Secret`."""
    tree: dict[str, Any] = {"version": 1}
    for one in resources:
        if one.kind == "settings":
            tree[one.name] = one.spec["value"]
        else:
            tree.setdefault(one.kind, {})[one.name] = one.spec["targets"] if one.kind == "model_aliases" else one.spec
    return tree


def inheriting(resources: Iterable[Resource]) -> list[Resource]:
    """Resources with all that keys inherit in their own specs, and without classes."""
    found = [*resources]
    classes = KeyClasses(tree_of(found))
    if not classes:
        return found
    return [
        msgspec.structs.replace(one, spec=classes.whole(one.spec))
        if one.kind == "virtual_keys"
        else msgspec.structs.replace(one, spec=without_class(one.spec))
        for one in found
        if one.kind != "key_classes"
    ]


def split_secrets(spec: Spec) -> tuple[dict[str, Any], dict[str, str]]:
    """A spec with `None` in place of each secret, and the secrets by JSON pointer."""
    secrets: dict[str, str] = {}

    def without(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {name: without(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [without(inner, (*path, index)) for index, inner in enumerate(value)]
        if isinstance(value, Secret):
            secrets[pointer(path)] = value.reveal()
            return None
        return value

    return {name: without(value, (name,)) for name, value in spec.items()}, secrets


def join_secrets(public: dict[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """What `split_secrets` took apart."""
    if not secrets:
        return public

    def with_secrets(value: Any, path: Path) -> Any:
        if value is None and (secret := secrets.get(pointer(path))) is not None:
            return Secret(secret)
        if isinstance(value, dict):
            return {name: with_secrets(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [with_secrets(inner, (*path, index)) for index, inner in enumerate(value)]
        return value

    return {name: with_secrets(value, (name,)) for name, value in public.items()}


_INHERITING: Final = ("virtual_keys", "key_classes")
"""What has classes, or is one: a value that is a default counts before what a class says, and so does `null`."""


def _specs(config: Config, kind: str) -> Iterator[tuple[str, Spec]]:
    """The entries of a section in normal form. What keys inherit is not theirs."""
    keys = config.virtual_keys
    classes = keys.classes if isinstance(keys, PackedKeys) else NO_CLASSES
    for name, section in getattr(config, kind).items():
        if kind == "key_classes" and classes:
            yield name, _as_written(classes.written(name), section)
        elif (
            kind == "virtual_keys"
            and isinstance(keys, PackedKeys)
            and _inherits(written := keys.written(name), classes)
        ):
            yield name, _as_written(written, section)
        else:
            yield name, _spec(kind, section)


def _inherits(key: Mapping[str, Any], classes: KeyClasses) -> bool:
    """Whether a key has a class, be it one that another owner declares."""
    return "class" in key or bool(classes.names_of(key))


def _as_written(written: Mapping[str, Any], section: BaseModel) -> Spec:
    """The normal form of what is written, by that of the whole with what it inherits.

    Where it has no classes, it is that of any other entry, but for `null` that says something.
    """
    spec: dict[str, Any] = _plain(section.model_dump(exclude_unset=True, by_alias=True))
    found: dict[str, Any] = _picked(written, spec)
    aliases = written.get("model_aliases")
    if isinstance(aliases, Mapping) and isinstance(section, KeySettings):
        found["model_aliases"] = {
            alias: None if target is None else _targets(section.model_aliases[alias])
            for alias, target in aliases.items()
        }
    return found


def _picked(written: Any, normal: Any) -> Any:
    """Of the normal form of a whole what is written of it; a list as it is, since others may be added to it."""
    if isinstance(written, Mapping) and isinstance(normal, Mapping):
        return {name: _picked(inner, normal.get(name)) for name, inner in written.items()}
    return _as_json(written) if normal is None or isinstance(written, list) else normal


def _as_json(written: Any) -> Any:
    if isinstance(written, list):
        return [_as_json(one) for one in written]
    if isinstance(written, Mapping):
        return {name: _as_json(inner) for name, inner in written.items()}
    return float(written) if isinstance(written, Decimal) else written


def _settings(config: Config) -> Iterator[Resource]:
    for name in SETTINGS:
        value = getattr(config, name)
        if value != Config.model_fields[name].default:
            yield Resource("settings", name, {"value": _plain(_written(value))})


def _spec(kind: str, section: Any) -> Spec:
    if kind == "model_aliases":
        return {"targets": _targets(section)}
    spec: dict[str, Any] = _plain(_written(section))
    if kind == "virtual_keys":
        if section.model_aliases:
            spec["model_aliases"] = {alias: _targets(written) for alias, written in section.model_aliases.items()}
        if "state" in section.model_fields_set:
            # Said in the file, `active` lifts what was disabled elsewhere; left out, it does not.
            spec["state"] = section.state
    return spec


def _targets(section: Any) -> list[Any]:
    """One target is a list of one."""
    return [_plain(_written(target)) for target in (section if isinstance(section, list) else [section])]


def _written(value: Any) -> Any:
    return value.model_dump(exclude_defaults=True, by_alias=True) if isinstance(value, BaseModel) else value


def _plain(value: Any) -> Any:
    if isinstance(value, str | int):  # PERF: most values, which need not be asked whether they are sequences
        return value
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, Sequence):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    """What an entry of a section is read with."""
    annotation = Config.model_fields[kind].annotation
    return TypeAdapter(get_args(annotation)[1])


def origins_of(resources: Iterable[Resource]) -> Origins:
    """What files have in place of values of resources, by the paths of `tree_of`; where two differ, of the last."""
    found: dict[Path, tuple[str, str]] = {}
    for one in resources:
        for place, written in one.references.items():
            path = steps(place)
            value = value_at(one.spec, path)
            if value is not None:
                within = path[1:] if one.kind in WRAPPED else path
                at = (one.name, *within) if one.kind == "settings" else (one.kind, one.name, *within)
                read = value.reveal() if isinstance(value, Secret) else str(value)
                found[tuple(int(step) if step.isdigit() else step for step in at)] = (written, read)
    return Origins(found)


def still_true(references: Mapping[str, str], spec: Spec, applied: Spec | None) -> dict[str, str]:
    """Of the references of a spec that a file applied, those whose values are the same in another."""
    if applied is None or spec == applied:
        return dict(references)
    return {
        place: text
        for place, text in references.items()
        if value_at(spec, steps(place)) == value_at(applied, steps(place))
    }


def written_at(address: str, place: str) -> Path:
    """Where a file has what stands at a JSON pointer in the spec of a resource."""
    kind, name = parse_address(address)
    inside = steps(place)
    if kind in WRAPPED:
        inside = inside[1:]
    head = (name,) if kind == "settings" else (kind, name)
    return (*head, *inside)


def _by_resource(references: Mapping[Path, str]) -> dict[tuple[str, str], dict[Path, str]]:
    """By kind and name, and by the path in what was written there."""
    found: dict[tuple[str, str], dict[Path, str]] = {}
    for path, text in references.items():
        if path and path[0] in SETTINGS:
            found.setdefault(("settings", str(path[0])), {})[path[1:]] = text
        elif len(path) > 1:
            found.setdefault((str(path[0]), str(path[1])), {})[path[2:]] = text
    return found


def _with_references(resource: Resource, known: Mapping[tuple[str, str], Mapping[Path, str]]) -> Resource:
    """A resource with its references, which are found in the normal form wherever it puts what was written."""
    if not (written := known.get((resource.kind, resource.name))):
        return resource
    wrapped = (WRAPPED[resource.kind],) if resource.kind in WRAPPED else ()
    references = {}
    for path, text in written.items():
        place = _place(resource.spec, (*wrapped, *path))
        value = value_at(resource.spec, place)
        if value is None or isinstance(value, dict | list):
            continue
        if not isinstance(value, Secret) or hides_everything(text):
            references[pointer(place)] = text
    return msgspec.structs.replace(resource, references=references)


def _place(spec: Any, path: Path) -> Path:
    """Where the normal form has what was written at a path: one thing that stands for a list is its first element."""
    place: list[str | int] = []
    for step in path:
        if isinstance(value_at(spec, place), list) and not isinstance(step, int):
            place.append(0)
        place.append(step)
    return (*place, 0) if isinstance(value_at(spec, place), list) else tuple(place)
