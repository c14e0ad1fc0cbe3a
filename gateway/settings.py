"""Settings of the process: where it listens, its bounds and its secrets. What it enforces is in `gateway.yaml`."""

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.counters.redis_address import Login, RedisService, Tls, parse_redis_url
from gateway.duration import parse_months
from gateway.secret import Secret
from gateway.telemetry.access_log import Network, read_networks, read_setting
from gateway.telemetry.labelled import Label

_MIB = 1024 * 1024
_SHORTEST_PEPPER = 16

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?")
_DEFAULT_PORT = re.compile(r"http://.*:80|https://.*:443")


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _read_months(value: object) -> object:
    return parse_months(value) if isinstance(value, str) else value


def _check_trace_url(value: str) -> str:
    parts = urlsplit(value)
    # An id that a client made up must not choose the host.
    if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc or "{trace_id}" not in value:
        raise ValueError("this is an http(s) URL with {trace_id} behind its host")
    return value


def _check_origins(value: tuple[str, ...]) -> tuple[str, ...]:
    if value == ("*",):
        return value
    for origin in value:
        # A browser compares letter by letter what it wrote itself, so nothing is made to fit here.
        if _ORIGIN.fullmatch(origin) is None or _DEFAULT_PORT.fullmatch(origin):
            raise ValueError(
                "an origin is what browsers send, such as https://app.example.com or http://localhost:3000: in small "
                "letters, without a path, a final slash or the scheme's own port; `*` stands alone"
            )
    return value


def _check_pepper(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < _SHORTEST_PEPPER:
        raise ValueError(f"a pepper has {_SHORTEST_PEPPER} characters or more")
    return value


_Pepper = Annotated[SecretStr, AfterValidator(_check_pepper)]


def _state_home() -> Path:
    """Where programs of this user keep what outlives them, by the XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "gateway"


class Settings(BaseSettings):
    """Read from `GATEWAY_*` variables; the flags of `gateway serve` win over them."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore", frozen=True, hide_input_in_errors=True)

    config: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="Configuration files and directories, separated by commas."
    )
    patch: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="Patches: what this environment has otherwise than the configuration says, separated by commas."
    )
    file_roots: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="Folders below which `${file:}` reads beside that of the configuration, separated by commas.",
    )
    env_file: Path | None = Field(
        None,
        description="A file of `NAME=value` lines that `${env:NAME}` reads before the variables of the process; it is "
        "read anew with every reload, and watched.",
    )
    runtime_env: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="Variables that `${runtime-env:NAME}` reads, separated by commas; never `GATEWAY_*`.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for every interface.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(5563, description="TCP port to listen on.")
    workers: Annotated[int, Field(ge=1, le=256)] = Field(1, description="Worker processes.")
    tls_cert: Path | None = Field(None, description="PEM certificate chain; with `tls_key`, serves HTTPS.")
    tls_key: Path | None = Field(None, description="PEM private key of `tls_cert`.")

    key_pepper: _Pepper | None = Field(
        None,
        description="The key under which virtual keys are hashed, 16 characters or more. Without it only `test` keys "
        "work, under a built-in development pepper.",
    )
    key_pepper_previous: _Pepper | None = Field(
        None,
        description="The pepper before a rotation; keys hashed under it still work.",
    )

    data_dir: Path = Field(
        default_factory=_state_home,
        description="Directory of the ledger's spool and of the SQLite database, on a local disk. Default: "
        "`$XDG_STATE_HOME/gateway`, else `~/.local/state/gateway`.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="The database of the ledger: `postgresql://user:password@host:5432/name`, which `gateway db "
        "upgrade` has prepared, or `sqlite:////path`. Default: `gateway.db` in the data directory.",
    )
    encryption_keys: SecretStr | None = Field(
        None,
        description="Keys that secrets in the control plane's database are encrypted under, separated by commas: the "
        "first encrypts, all decrypt. `gateway control-plane generate-key` makes one. Default: a key file beside the "
        "SQLite database.",
    )
    control_plane_url: str | None = Field(
        None, description="The control plane that is followed in place of files, and that commands talk to."
    )
    control_plane_token: SecretStr | None = Field(
        None, description="The token for it: of scope `gateway` to serve, of `plan` or `apply` for commands."
    )
    control_plane_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = Field(
        None, description="How plans and the console call a control plane, such as `prod`; with it, or its database."
    )
    console_trace_url: Annotated[str, AfterValidator(_check_trace_url)] | None = Field(
        None,
        description="Where the console finds the trace of a request: an http(s) URL with `{trace_id}` in it, such as "
        "`https://traces.example.com/trace/{trace_id}`.",
    )
    node_name: str | None = Field(
        None,
        max_length=128,
        description="How `gateway status` and decision records name this gateway, with its port. Default: the "
        "host's name.",
    )
    ledger_retention: Annotated[int, BeforeValidator(_read_months)] | None = Field(
        None,
        description="For how long requests have rows in the ledger: `13 months` keeps this month and thirteen before "
        "it. Whoever has this setting prunes older ones; their sums stay. Default: for ever.",
    )
    spool_max_bytes: Annotated[int, Field(ge=_MIB)] = Field(
        1024 * _MIB, description="What one worker's ledger entries may take on the disk while the database is away."
    )
    on_spool_full: Literal["refuse", "drop"] = Field(
        "refuse",
        description="At that bound, or on a full disk: `refuse` answers 503 to new requests, `drop` serves them and "
        "loses their ledger entries.",
    )
    redis_tls_ca: Path | None = Field(
        None, description="PEM certificates to trust behind `rediss://`. Default: those of the system."
    )
    redis_tls_cert: Path | None = Field(
        None, description="PEM certificate chain that this gateway shows to Redis and its Sentinels."
    )
    redis_tls_key: Path | None = Field(None, description="PEM private key of `redis_tls_cert`.")
    redis_sentinel_username: str | None = Field(None, description="As whom to speak to Sentinels that have users.")
    redis_sentinel_password: SecretStr | None = Field(
        None, description="The password of Sentinels; that of Redis itself stands in the URL."
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey, 7 or later, where several workers or machines share limits and budgets: "
        "`redis://`, `rediss://`, `redis+sentinel://` or `unix://`; [Redis](#redis) has their forms. Default: counters "
        "in the memory of one worker.",
    )
    redis_namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        "default",
        description="Keeps deployments apart that share one Redis or one ledger; all of one deployment have the same.",
    )
    on_counter_loss: Literal["refuse", "allow"] | None = Field(
        None,
        description="While Redis does not answer: `refuse` answers 503 to requests with limits or budgets, `allow` "
        "serves them uncounted. Default: refuse those under a `block` budget, allow others.",
    )

    max_request_body_bytes: Annotated[int, Field(ge=1024)] = Field(
        32 * _MIB, description="Larger request bodies are refused with 413, before and after decompression."
    )
    max_buffered_body_bytes: Annotated[int, Field(ge=1024)] = Field(
        512 * _MIB,
        description="Memory that the request bodies of one worker may take together; beyond it one at a time goes on.",
    )
    max_upload_bytes: Annotated[int, Field(ge=1024)] = Field(
        512 * _MIB,
        description="Larger forms that bring a provider files to keep are refused with 413; other bodies are bounded "
        "above.",
    )
    upload_spool_bytes: Annotated[int, Field(ge=_MIB)] = Field(
        4096 * _MIB,
        description="What forms with files may take on the disk of one worker at one time, below the data directory; "
        "further ones are answered 503.",
    )
    max_header_bytes: Annotated[int, Field(ge=8192)] = Field(
        64 * 1024, description="Size of a request's head above which the connection is refused."
    )
    keepalive_timeout_s: Annotated[float, Field(ge=0.1)] = Field(
        75,
        description="Seconds for which an idle connection of a client is kept, and that a client may take to send a "
        "request's head: the server has one timer for both. Load balancers keep theirs for less, 60 mostly.",
    )
    write_timeout_s: Annotated[float, Field(ge=0.1)] = Field(
        60, description="Seconds without progress after which the connection of a client that reads nothing is closed."
    )
    body_timeout_s: Annotated[float, Field(gt=0)] = Field(
        30, description="Seconds that a client may pause while sending a request's body; ten times that for all of it."
    )
    backlog: Annotated[int, Field(ge=128)] = Field(2048, description="Connections that the kernel may queue.")
    backpressure: Annotated[int, Field(ge=1)] = Field(
        4096,
        description="Connections that one worker holds at one time, idle ones included; further ones wait.",
    )
    health_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None,
        description="TCP port on which probes and `/metrics` are answered as well, over HTTP, however many connections "
        "the other holds. Default: none.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        description="Who sends it as a bearer token sees in `/metrics` what names budgets, money, keys and teams "
        "too, as everybody does on the health port, and the metrics of the control plane, which nobody else sees.",
    )
    metrics_labels: Annotated[tuple[Label, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        description="Labels of `gateway_labelled_*`, which without them are not there: `model`, `key`, `team`, "
        "separated by commas. Each name of the file is a series: with many keys that is much for Prometheus.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_check_origins)] = Field(
        (),
        description="Sites whose scripts may call the API from a browser, separated by commas: exact origins such as "
        "`https://app.example.com`, or `*` for all. Default: none, and no answer has an `Access-Control-` header.",
    )
    upstream_connections: Annotated[int, Field(ge=1)] = Field(
        4096,
        description="Connections that one worker holds to one upstream at one time; further calls wait for one for as "
        "long as connecting may take.",
    )

    deferred_poll_s: Annotated[float, Field(gt=0)] = Field(
        30,
        description="Seconds between two looks at a batch that is under way; at a response in the background, a tenth "
        "of it at first.",
    )

    drain_grace_s: Annotated[float, Field(ge=0)] = Field(
        0, description="Seconds between SIGTERM (`/readyz` fails from then on) and the end of accepting connections."
    )
    drain_timeout_s: Annotated[float, Field(gt=0)] = Field(
        30, description="Seconds that requests in flight have to finish after that; then they are cancelled."
    )
    disconnect_drain_s: Annotated[float, Field(gt=0)] = Field(
        60, description="With `on_disconnect: drain`, how long an upstream is read on after its client left."
    )
    disconnect_drain_bytes: Annotated[int, Field(gt=0)] = Field(
        16 * _MIB, description="With `on_disconnect: drain`, how much of an upstream is read on."
    )

    access_log: Annotated[str, BeforeValidator(read_setting)] = Field(
        "all",
        description="Which requests have a line on standard output, the decision record: `all`, `failures` (whatever "
        "did not end `ok`), `N%` (failures, and so many of the others), or `off`.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(read_networks)] = Field(
        (),
        description="Addresses or networks of proxies, separated by commas, whose `X-Forwarded-For` says who the "
        "client is: in access logs, and where unknown keys are counted. Default: nobody's, and the client is who "
        "connected.",
    )
    invalid_keys_per_minute: Annotated[int, Field(ge=0)] = Field(
        60,
        description="So many unknown keys of one client address (an IPv6 network of 64 bits) get 401 in a minute, at "
        "each worker; further ones get 429 with `Retry-After`, without a line in the access log. Valid keys are "
        "answered always. 0: no bound.",
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        "auto",
        description="How lines of both logs look: `json`, `pretty` for people, or `auto`: pretty on a terminal, JSON "
        "elsewhere.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="How much the process says about itself on standard error, where the configuration has no "
        "`log_level`.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then variables. PERF: files are no source of ours, and each source looks through every field."""
        return init_settings, env_settings

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, value: SecretStr | None, known: ValidationInfo) -> SecretStr | None:
        if value is not None:
            _redis_service(value, known.data)
        return value

    @property
    def node(self) -> str:
        """How this gateway is called among others."""
        return self.node_at(self.port)

    def node_at(self, port: int) -> str:
        """How a process is called that listens there: by its machine and its port."""
        return f"{self.node_name or socket.gethostname()}:{port}"

    @property
    def redis(self) -> RedisService | None:
        """Where the shared counters are; `None` where there are none."""
        return None if self.redis_url is None else _redis_service(self.redis_url, dict(self))


def _redis_service(url: SecretStr, known: Mapping[str, Any]) -> RedisService:
    files = [known.get(f"redis_tls_{name}") for name in ("ca", "cert", "key")]
    ca, certificate, key = (None if file is None else str(file) for file in files)
    password = known.get("redis_sentinel_password")
    sentinel = Login(
        known.get("redis_sentinel_username"), None if password is None else Secret(password.get_secret_value())
    )
    return parse_redis_url(url.get_secret_value(), Tls(ca, certificate, key), sentinel)
