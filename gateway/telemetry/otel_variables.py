"""OpenTelemetry's variables: which are honoured, which are not, and what is said of a value that cannot be used.

As the specification asks, an empty value counts as none, and one that cannot be used is told and counts as none:
nothing in a variable ends a process. OpenTelemetry's SDK raises for some, so what is not usable is kept from it.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import os
from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from importlib.metadata import entry_points
from typing import Final, Literal
from urllib.parse import unquote

from gateway.secret import Secret
from gateway.telemetry.collector_headers import HeaderError, check_headers

SIGNALS: Final = ("traces", "metrics", "logs")
Signal = Literal["traces", "metrics", "logs"]

_EXPORTER: Final[Mapping[str, str]] = {
    "ENDPOINT": "where it goes: a base URL, or that of one signal as a whole",
    "PROTOCOL": "`http/protobuf` or `grpc`, which needs the extra `otlp-grpc`",
    "HEADERS": "headers, `name=value,...`, percent-encoded",
    "TIMEOUT": "milliseconds that sending a batch may take, further tries included (10000)",
    "COMPRESSION": "`gzip` or `none`",
    "CERTIFICATE": "certificates that the collector's is checked by, a file of PEM",
    "CLIENT_CERTIFICATE": "the gateway's own certificate, a file of PEM",
    "CLIENT_KEY": "its key, a file of PEM",
    "INSECURE": "`true`: gRPC without TLS, where the endpoint has no scheme",
}

HONOURED: Final[Mapping[str, str]] = {
    "OTEL_SDK_DISABLED": "`true`: nothing is exported anywhere, collectors of the file included",
    "OTEL_SERVICE_NAME": "`service.name` (`llm-gateway`)",
    "OTEL_RESOURCE_ATTRIBUTES": "attributes of what serves, `name=value,...`",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "what else finds such attributes: `host`, `process`, `os`",
    "OTEL_PROPAGATORS": "`tracecontext` always holds; with `baggage` in it providers get the client's `baggage`",
    "OTEL_TRACES_EXPORTER": "`otlp` or `none`",
    "OTEL_TRACES_SAMPLER": "`always_on`, `always_off`, `traceidratio`, or one of these behind `parentbased_`",
    "OTEL_TRACES_SAMPLER_ARG": "the share of traces, 0 to 1, for the samplers with a ratio",
    "OTEL_BSP_SCHEDULE_DELAY": "milliseconds after which spans go at the latest (5000, 50 at least)",
    "OTEL_BSP_MAX_QUEUE_SIZE": "so many spans wait at most (2048)",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "so many go at once (512)",
    "OTEL_BSP_EXPORT_TIMEOUT": "milliseconds, as `OTEL_EXPORTER_OTLP_TIMEOUT`; the shorter counts",
    "OTEL_METRICS_EXPORTER": "`otlp`: what `/metrics` shows is sent too; `prometheus` and `none` change nothing",
    "OTEL_METRIC_EXPORT_INTERVAL": "milliseconds between two batches of metrics (60000, 50 at least)",
    "OTEL_METRIC_EXPORT_TIMEOUT": "milliseconds, as `OTEL_EXPORTER_OTLP_TIMEOUT`; the shorter counts",
    "OTEL_LOGS_EXPORTER": "`otlp`: the workers' log and the decision records are sent too; `none` changes nothing",
    "OTEL_BLRP_SCHEDULE_DELAY": "milliseconds after which lines of the log go at the latest (1000, 50 at least)",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "so many lines wait at most (2048)",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "so many go at once (512)",
    "OTEL_BLRP_EXPORT_TIMEOUT": "milliseconds, as `OTEL_EXPORTER_OTLP_TIMEOUT`; the shorter counts",
    **{
        f"OTEL_EXPORTER_OTLP_{signal}{name}": meaning if not signal else f"the same for {signal[:-1].lower()}"
        for signal in ("", *(f"{one.upper()}_" for one in SIGNALS))
        for name, meaning in _EXPORTER.items()
    },
}
"""What is honoured, and what it does here, with its default."""

NOT_HONOURED: Final[Mapping[str, str]] = {
    "OTEL_CONFIG_FILE": "variables and the gateway's file say everything",
    "OTEL_EXPERIMENTAL_CONFIG_FILE": "variables and the gateway's file say everything",
    "OTEL_LOG_LEVEL": "GATEWAY_LOG_LEVEL says what is logged",
    **dict.fromkeys(
        (
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        ),
        "spans have a bounded number of attributes and events, and no links",
    ),
    **dict.fromkeys(
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        "texts in spans have 4096 characters at most, captured content what content_capture.max_attribute_bytes says",
    ),
    **dict.fromkeys(
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        "lines of the log have one attribute",
    ),
    "OTEL_METRICS_EXEMPLAR_FILTER": "exemplars are told to who scrapes OpenMetrics",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "metrics are cumulative",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "histograms have the buckets that /metrics shows",
    **dict.fromkeys(
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "OTEL_EXPORTER_ZIPKIN_TIMEOUT", "OTEL_EXPORTER_ZIPKIN_PROTOCOL"),
        "spans go over OTLP, which Zipkin's collectors take",
    ),
    **dict.fromkeys(
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT"),
        "metrics are at /metrics of the gateway's port and of GATEWAY_HEALTH_PORT",
    ),
}
"""What is not, and why, or what to use instead."""

_PREFIX: Final = "OTEL_"
_DETECTORS: Final = "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"
_OF_PYTHON: Final = "OTEL_PYTHON_"
_SAMPLERS: Final = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
_PROTOCOLS: Final = ("http/protobuf", "grpc")
_MOST: Final = 2**31 - 1
_SHORTEST_PAUSE_S: Final = 0.05
_LONGEST_QUOTE: Final = 64


class Variables:
    """OpenTelemetry's variables, read once; `warnings` are what is to be told of them at the start."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._set = {name: text for name, value in environ.items() if name[:5] == _PREFIX and (text := value.strip())}
        self._warnings: dict[str, str] = {}
        self._unusable: set[str] = set()
        self._read()

    @property
    def warnings(self) -> Sequence[str]:
        """Sentences about variables that are not honoured, and values that cannot be used."""
        return tuple(self._warnings.values())

    def take_out_unusable(self, environ: MutableMapping[str, str]) -> None:
        """Takes out of an environment what OpenTelemetry's SDK must not read there; called before that is imported.

        What is not known stays: the SDK does not look at it, and the configuration may refer to it.
        """
        for name in [one for one in environ if one[:5] == _PREFIX]:
            is_usable = name in self._set and name not in self._unusable
            if name in NOT_HONOURED or name[:12] == _OF_PYTHON or (name in HONOURED and not is_usable):
                del environ[name]

    def text(self, *names: str) -> str:
        """What the first of these variables says that says anything."""
        return next((self._set[name] for name in names if name in self._set), "")

    def names_for(self, signal: Signal, name: str) -> tuple[str, str]:
        """The variables of an OTLP exporter that say this of a signal; the first wins."""
        return f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", f"OTEL_EXPORTER_OTLP_{name}"

    def of_exporter(self, signal: Signal, name: str) -> str:
        """What they say."""
        return self.text(*self.names_for(signal, name))

    def headers(self, signal: Signal) -> tuple[tuple[str, Secret], ...]:
        """The headers for its collector, names in lower case.

        What is none is told by its place alone, and a value that cannot be sent by its name: both may be secrets.
        """
        variable = next(self._said(signal, "HEADERS"), "")
        found: dict[str, Secret] = {}
        for place, entry in enumerate(self.text(variable).split(","), 1):
            try:
                found |= _header_of(entry) if entry.strip() else {}
            except HeaderError as problem:
                self._warn(f"{variable} {place}", f"{variable}: its entry {place} is left out: {problem}")
        return tuple(found.items())

    @property
    def is_disabled(self) -> bool:
        """Whether nothing is to be exported anywhere."""
        return self.text("OTEL_SDK_DISABLED").lower() == "true"

    @property
    def forwards_baggage(self) -> bool:
        """Whether providers get the client's `baggage`."""
        return "baggage" in _listed(self.text("OTEL_PROPAGATORS"))

    @property
    def sampler(self) -> tuple[str, float]:
        """The name of the sampler and its ratio, of those that are known."""
        name = self._choice("OTEL_TRACES_SAMPLER", _SAMPLERS) or "parentbased_always_on"
        return name, self._ratio("OTEL_TRACES_SAMPLER_ARG") if name.endswith("ratio") else 1.0

    def exporter(self, signal: Signal) -> Literal["otlp", "none"] | None:
        """What a signal's variable asks for; `None` where it asks for nothing that there is."""
        listed = _listed(self.text(f"OTEL_{signal.upper()}_EXPORTER"))
        if "otlp" in listed:
            return "otlp"
        return "none" if "none" in listed else None

    def protocol(self, signal: Signal) -> str:
        """`http/protobuf` or `grpc`."""
        return self._choice(next(self._said(signal, "PROTOCOL"), ""), _PROTOCOLS) or _PROTOCOLS[0]

    def compresses(self, signal: Signal) -> bool:
        """Whether batches go compressed by gzip."""
        return self._choice(next(self._said(signal, "COMPRESSION"), ""), ("none", "gzip")) == "gzip"

    def whole(self, name: str, default: int, *, least: int = 1) -> int:
        """A whole number."""
        text = self.text(name)
        if not text:
            return default
        # Python refuses to read thousands of digits.
        is_whole = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST))
        if is_whole and least <= int(text) <= _MOST:
            return int(text)
        self._refuse(name, f"{name} is {_quoted(text)}, and no whole number from {least} on; {default} counts")
        return default

    def pause_s(self, name: str, default: int, *, least: int = 0) -> float:
        """Seconds between two batches, of a variable in milliseconds; with none at all a thread would never rest."""
        return max(_SHORTEST_PAUSE_S, self.whole(name, default, least=least) / 1000)

    def timeout_s(self, signal: Signal) -> float:
        """How long sending a batch may take; 0 in a variable is for ever, as the specification has it."""
        own = self.whole(next(self._said(signal, "TIMEOUT"), ""), 10_000, least=0) or _MOST
        of_batches = self.whole(_BATCH_TIMEOUTS[signal], 30_000, least=0) or _MOST
        return min(own, of_batches) / 1000

    def _said(self, signal: Signal, name: str) -> Iterator[str]:
        return (one for one in self.names_for(signal, name) if one in self._set)

    def _choice(self, name: str, known: Collection[str]) -> str | None:
        text = self.text(name).lower()
        if not text or text in known:
            return text or None
        self._refuse(name, f"{name} is {_quoted(text)}, which is not known; there are {', '.join(known)}")
        return None

    def _ratio(self, name: str) -> float:
        text = self.text(name)
        try:
            ratio = float(text or 1)
        except ValueError:
            ratio = -1.0
        if 0 <= ratio <= 1:
            return ratio
        self._refuse(name, f"{name} is {_quoted(text)}, and no number from 0 to 1; 1 counts")
        return 1.0

    def _refuse(self, name: str, warning: str) -> None:
        self._unusable.add(name)
        self._warn(name, warning)

    def _warn(self, what: str, warning: str) -> None:
        self._warnings.setdefault(what, f"{warning} (a value that cannot be used counts as none)")

    def _read(self) -> None:
        """Looks at everything once, so that all warnings are there."""
        for name in sorted(self._set):
            self._read_name(name)
        for name in ("OTEL_SDK_DISABLED", *(f"OTEL_EXPORTER_OTLP_{one}INSECURE" for one in _OF_EVERY_SIGNAL)):
            self._choice(name, ("true", "false"))
        self._read_list("OTEL_PROPAGATORS", ("tracecontext", "baggage"))
        if _DETECTORS in self._set:
            found = entry_points(group="opentelemetry_resource_detector")
            self._read_list(_DETECTORS, ("*", *sorted(one.name for one in found)))
        _ = self.sampler
        for signal in SIGNALS:
            self._read_signal(signal)
        for name, default, least in _NUMBERS:
            self.whole(name, default, least=least)

    def _read_name(self, name: str) -> None:
        if name in NOT_HONOURED:
            self._warnings[name] = f"{name} is not honoured: {NOT_HONOURED[name]}"
        elif name not in HONOURED:
            whose = "is OpenTelemetry's for programs that start its SDK" if name[:12] == _OF_PYTHON else "is not known"
            self._warnings[name] = f"{name} {whose}, and is not honoured"

    def _read_list(self, name: str, known: Collection[str]) -> None:
        for one in _listed(self.text(name)):
            if one not in known:
                self._warn(name, f"{name}: {_quoted(one)} is not known; there are {', '.join(known)}")

    def _read_signal(self, signal: Signal) -> None:
        self._read_list(f"OTEL_{signal.upper()}_EXPORTER", _EXPORTERS[signal])
        self.compresses(signal)
        self.timeout_s(signal)
        self.headers(signal)
        if self.protocol(signal) == "grpc" and signal != "traces" and self.exporter(signal) == "otlp":
            exporter, protocol = f"OTEL_{signal.upper()}_EXPORTER", self.names_for(signal, "PROTOCOL")[0]
            said = f"{exporter} is not honoured: {signal} go over http/protobuf alone; {protocol} can say so"
            self._warnings[exporter] = said


_OF_EVERY_SIGNAL: Final = ("", *(f"{one.upper()}_" for one in SIGNALS))
_EXPORTERS: Final[Mapping[Signal, Sequence[str]]] = {
    "traces": ("otlp", "none"),
    "metrics": ("otlp", "prometheus", "none"),
    "logs": ("otlp", "none"),
}
_BATCH_TIMEOUTS: Final[Mapping[Signal, str]] = {
    "traces": "OTEL_BSP_EXPORT_TIMEOUT",
    "metrics": "OTEL_METRIC_EXPORT_TIMEOUT",
    "logs": "OTEL_BLRP_EXPORT_TIMEOUT",
}
_NUMBERS: Final = (
    ("OTEL_BSP_SCHEDULE_DELAY", 5000, 0),
    ("OTEL_BSP_MAX_QUEUE_SIZE", 2048, 1),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1),
    ("OTEL_BLRP_SCHEDULE_DELAY", 1000, 0),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", 2048, 1),
    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512, 1),
    ("OTEL_METRIC_EXPORT_INTERVAL", 60_000, 1),
)


def _header_of(entry: str) -> dict[str, Secret]:
    """One header of a list of them. Raises `HeaderError`."""
    name, sign, value = entry.partition("=")
    if not sign:
        raise HeaderError("it is no name=value")
    header = unquote(name).strip().lower(), Secret(unquote(value).strip())
    check_headers([header])
    return dict([header])


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…")


def _listed(text: str) -> list[str]:
    return [one for part in text.split(",") if (one := part.strip().lower())]
