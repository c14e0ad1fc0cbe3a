"""One small file per mistake, and what is said about it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.config.diagnostics import CODES
from gateway.config.judge import Serving
from gateway.config.load import Loaded, load
from gateway.pipeline.unreachable import unreachable_fallbacks
from gateway.snapshot.lock_origins import moved_locks
from gateway.snapshot.unpriced_models import unpriced_models

CASES = Path(__file__).parent / "cases"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ENVIRON = {"SET": "a-value", "EMPTY": "", "VIRTUAL_KEY": "lw_vk_live_01HZX9M3V4K5N6P7Q8R9S0T1V2"}
SERVING = {
    "serving-two-workers": Serving(separate_counters=2),
    "serving-development-pepper": Serving(development_pepper=True),
}
SAID_ACROSS_FILES = {"duplicate-name", "conflicting-value", "not-shared", "bad-patch"}


def names():
    return sorted(path.stem for path in CASES.glob("*.yaml"))


def load_case(name: str) -> Loaded:
    serving = SERVING.get(name, Serving(runtime_env=("SET", "ABSENT"))) if name.startswith("serving-") else None
    checks = [lambda config: unpriced_models(config, NOW), moved_locks] if name.startswith("priced-") else []
    checks += [unreachable_fallbacks] if name.startswith("walked-") else []
    return load(
        [Path(f"{name}.yaml")],
        environ=ENVIRON,
        now=NOW,
        strict=name.startswith("strict-"),
        serving=serving,
        checks=checks,
        may_lack_credentials=name.startswith("lacking-"),
    )


@pytest.mark.parametrize("name", names())
def test_diagnostics_of(name, snapshot, monkeypatch):
    monkeypatch.chdir(CASES)

    loaded = load_case(name)

    assert "\n".join(map(str, loaded.diagnostics)) == snapshot
    assert (loaded.config is None) == any(one.is_error for one in loaded.diagnostics)


@pytest.mark.parametrize("name", names())
def test_no_diagnostic_shows_a_secret(name, monkeypatch):
    monkeypatch.chdir(CASES)

    loaded = load_case(name)

    assert "hunter2" not in "".join(map(repr, loaded.diagnostics)) + repr(loaded.config)


@pytest.mark.parametrize("name", names())
def test_every_diagnostic_has_a_place_and_a_documented_code(name, monkeypatch):
    monkeypatch.chdir(CASES)

    for one in load_case(name).diagnostics:
        assert one.code in CODES
        assert one.file == f"{name}.yaml"
        assert one.code == "file-unreadable" or (one.line is not None and one.column is not None)


def test_every_code_has_a_case(monkeypatch):
    monkeypatch.chdir(CASES)

    said = {one.code for name in names() for one in load_case(name).diagnostics}

    assert said | SAID_ACROSS_FILES == set(CODES)


def test_a_file_with_every_section_is_valid():
    environ = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}

    loaded = load([Path(__file__).parent / "full.yaml"], environ=environ, now=NOW, strict=True)

    assert loaded.diagnostics == ()
    assert loaded.config is not None
    assert loaded.config.virtual_keys["dev-migration"].rate_limits.tpm == 2_000_000


def test_the_example_can_be_served_as_it_is():
    example = Path(__file__).parents[2] / "examples" / "gateway.yaml"

    loaded = load([example], environ={}, now=NOW, strict=True, serving=Serving(development_pepper=True))

    assert loaded.diagnostics == ()
