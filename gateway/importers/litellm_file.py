"""Reads a config.yaml as LiteLLM does: merge keys, the last of duplicate keys, and what `include` names.

https://docs.litellm.ai/docs/proxy/config_management
"""

from pathlib import Path
from typing import Any, Final

import yaml

_MOST_FILES: Final = 100
_MOST_BYTES: Final = 64 * 1024 * 1024


class UnreadableFile(ValueError):  # noqa: N818 - says what is wrong with a file of somebody else's
    """A file that cannot be read. The message is a sentence that names the file and the place."""


def read(file: Path) -> dict[str, Any]:
    """The configuration with what it includes; lists of included files go behind its own. Raises `UnreadableFile`."""
    config = _mapping_of(file)
    pending = _included(config, file)
    loaded = {file.resolve()}
    while pending:
        included = pending.pop(0)
        if included.resolve() in loaded:
            continue
        loaded.add(included.resolve())
        if len(loaded) > _MOST_FILES:
            msg = f"{file} includes more than {_MOST_FILES} files."
            raise UnreadableFile(msg)
        further = _mapping_of(included)
        pending += _included(further, included)
        for name, value in further.items():
            own = config.get(name)
            config[name] = [*own, *value] if isinstance(own, list) and isinstance(value, list) else value
    config.pop("include", None)
    return config


def _included(config: dict[str, Any], file: Path) -> list[Path]:
    named = config.pop("include", None)
    if named is None:
        return []
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        msg = f"{file}: `include` is no list of files."
        raise UnreadableFile(msg)
    return [file.parent / one for one in named]


def _mapping_of(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            msg = f"{file} is larger than {_MOST_BYTES // 1024 // 1024} MiB."
            raise UnreadableFile(msg)
        tree = yaml.load(data.decode("utf-8-sig"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except OSError as error:
        msg = f"{file} cannot be read: {error.strerror}."
        raise UnreadableFile(msg) from None
    except UnicodeDecodeError:
        msg = f"{file} cannot be read: it is not UTF-8 text."
        raise UnreadableFile(msg) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = "" if mark is None else f":{mark.line + 1}:{mark.column + 1}"
        msg = f"{file}{place}: {error.problem or 'it is no YAML'}."
        raise UnreadableFile(msg) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        msg = f"{file} is no YAML that can be read: {type(error).__name__}."
        raise UnreadableFile(msg) from None
    if not isinstance(tree, dict):
        msg = f"{file} holds no configuration: it is no mapping."
        raise UnreadableFile(msg)
    return {str(name): value for name, value in tree.items()}
