"""Loading the configuration with everything that keeps this process from serving it among the diagnostics."""

import logging
import os
from collections.abc import Mapping
from io import StringIO

from dotenv import dotenv_values

from gateway import clock
from gateway.config.judge import Serving
from gateway.config.load import Loaded, load
from gateway.config.patches import PatchFile
from gateway.settings import Settings

_log = logging.getLogger(__name__)


def load_for_serving(settings: Settings) -> Loaded:
    """What the command and each worker load alike."""
    return load(
        (*settings.config, *map(PatchFile, settings.patch)),
        environ=environment(settings),
        now=clock.utc_now(),
        file_roots=settings.file_roots,
        serving=serving(settings),
    )


def environment(settings: Settings) -> Mapping[str, str]:
    """What `${env:}` reads: the file of variables as it is now, before those of the process.

    A file that cannot be read has no variables; what refers to one of them is told as missing.
    """
    if settings.env_file is None:
        return os.environ
    try:
        text = settings.env_file.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        _log.error("the file of variables %s cannot be read: %s", settings.env_file, problem)
        return os.environ
    written = dotenv_values(stream=StringIO(text), interpolate=False)
    return {**os.environ, **{name: value for name, value in written.items() if value is not None}}


def serving(settings: Settings) -> Serving:
    """By what a configuration is to be served."""
    return Serving(
        separate_counters=settings.workers if settings.redis_url is None else 1,
        development_pepper=settings.key_pepper is None,
        runtime_env=settings.runtime_env,
    )
