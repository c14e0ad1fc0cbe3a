"""Loading the configuration with everything that keeps this process from serving it among the diagnostics."""

import os

from gateway import clock
from gateway.config.judge import Serving
from gateway.config.load import Loaded, load
from gateway.settings import Settings


def load_for_serving(settings: Settings) -> Loaded:
    """What the command and each worker load alike."""
    return load(
        settings.config,
        environ=os.environ,
        now=clock.utc_now(),
        file_roots=settings.file_roots,
        serving=serving(settings),
    )


def serving(settings: Settings) -> Serving:
    """By what a configuration is to be served."""
    return Serving(
        separate_counters=settings.workers if settings.redis_url is None else 1,
        development_pepper=settings.key_pepper is None,
        runtime_env=settings.runtime_env,
    )
