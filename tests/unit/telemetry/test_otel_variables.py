"""Every variable of OpenTelemetry's is honoured, or named."""

import os

import pytest
from opentelemetry import environment_variables as of_api
from opentelemetry.sdk import environment_variables as of_sdk
from opentelemetry.sdk.trace import SpanLimits

from gateway.telemetry import tracing
from gateway.telemetry.http_exporter import place_of_variables
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.otel_variables import HONOURED, NOT_HONOURED, SIGNALS, Variables

OF_SPECIFICATION = {
    *("OTEL_SDK_DISABLED", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME", "OTEL_LOG_LEVEL", "OTEL_PROPAGATORS"),
    *("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_EXPERIMENTAL_CONFIG_FILE"),
    *("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"),
    *(
        f"OTEL_{processor}_{name}"
        for processor in ("BSP", "BLRP")
        for name in ("SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE")
    ),
    *(
        f"OTEL_{of}ATTRIBUTE_{name}"
        for of in ("", "SPAN_", "LOGRECORD_")
        for name in ("VALUE_LENGTH_LIMIT", "COUNT_LIMIT")
    ),
    *("OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT"),
    *("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
    *(f"OTEL_EXPORTER_ZIPKIN_{name}" for name in ("ENDPOINT", "TIMEOUT", "PROTOCOL")),
    *("OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT"),
    *("OTEL_METRICS_EXEMPLAR_FILTER", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"),
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
    *(
        f"OTEL_EXPORTER_OTLP_{signal}{name}"
        for signal in ("", "TRACES_", "METRICS_", "LOGS_")
        for name in (
            *("ENDPOINT", "INSECURE", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE", "HEADERS", "COMPRESSION"),
            *("TIMEOUT", "PROTOCOL"),
        )
    ),
}
"""https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and its page on the OTLP exporter."""


def test_the_table_has_every_variable_of_the_specification_and_of_the_installed_package():
    names = {value for module in (of_api, of_sdk) for value in vars(module).values() if isinstance(value, str)}
    installed = {one for one in names if one.startswith("OTEL_") and not one.startswith("OTEL_PYTHON_")}

    assert OF_SPECIFICATION | installed == HONOURED.keys() | NOT_HONOURED.keys()
    assert not HONOURED.keys() & NOT_HONOURED.keys()


@pytest.mark.parametrize("name", [*NOT_HONOURED, "OTEL_PYTHON_CONTEXT", "OTEL_TYPO"])
def test_what_is_not_honoured_is_named(name):
    (warning,) = Variables({name: "x"}).warnings

    assert warning.startswith(f"{name} is")
    assert "not honoured" in warning


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_TRACES_EXPORTER", "console", "there are otlp, none"),
        ("OTEL_TRACES_EXPORTER", "otlp,zipkin", "'zipkin' is not known"),
        ("OTEL_METRICS_EXPORTER", "console", "there are otlp, prometheus, none"),
        ("OTEL_LOGS_EXPORTER", "console", "there are otlp, none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "there are http/protobuf, grpc"),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json", "there are http/protobuf, grpc"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "there are none, gzip"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "1", "there are true, false"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "there are always_on"),
        ("OTEL_PROPAGATORS", "tracecontext,b3", "'b3' is not known"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "host,moon", "'moon' is not known; there are *, "),
        ("OTEL_SDK_DISABLED", "yes", "there are true, false"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many", "no whole number from 1 on; 2048 counts"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "no whole number from 1 on"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1", "no whole number from 0 on; 5000 counts"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "no whole number from 0 on; 10000 counts"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "soon", "30000 counts"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1e9", "60000 counts"),
        ("OTEL_BSP_SCHEDULE_DELAY", "9" * 5000, "5000 counts"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,Authorization: ApiKey s3cret", "entry 2 is left out: it is no name=value"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "Authorization: Basic czNjcmV0=",
            "entry 1 is left out: what stands in the place",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=abc%0As3cret", "entry 1 is left out: the value of x-api-key is not"),
        (
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
            "x-api-key=s3cret\xe9",
            "entry 1 is left out: the value of x-api-key is not",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_told_once(name, value, said):
    (warning,) = Variables({name: value}).warnings

    assert warning.startswith(name)
    assert said in warning
    assert "s3cret" not in warning
    assert "czNjcmV0" not in warning
    assert len(warning) < 300


def test_such_a_value_counts_as_none():
    variables = Variables(
        {
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "2",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            "OTEL_TRACES_EXPORTER": "console",
            "OTEL_BSP_MAX_QUEUE_SIZE": "many",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "",
        }
    )

    assert variables.sampler == ("traceidratio", 1.0)
    assert variables.protocol("traces") == "http/protobuf"
    assert variables.exporter("traces") is None
    assert variables.whole("OTEL_BSP_MAX_QUEUE_SIZE", 2048) == 2048
    assert variables.timeout_s("traces") == 10
    assert len(variables.warnings) == 4


def test_a_signal_s_own_variable_wins_and_the_shorter_time_counts():
    variables = Variables(
        {
            "OTEL_EXPORTER_OTLP_TIMEOUT": "5000",
            "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "0",
            "OTEL_BSP_EXPORT_TIMEOUT": "2000",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "none",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
    )

    assert (variables.timeout_s("traces"), variables.timeout_s("metrics"), variables.timeout_s("logs")) == (2, 5, 30)
    assert (variables.compresses("traces"), variables.compresses("metrics")) == (True, False)
    (warning,) = variables.warnings
    assert warning.startswith("OTEL_METRICS_EXPORTER is not honoured: metrics go over http/protobuf alone; ")
    assert warning.endswith("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL can say so")


def test_without_any_nothing_is_told_and_nothing_exported():
    variables = Variables({"PATH": "/bin", "OTEL_EXPORTER_OTLP_ENDPOINT": " "})

    assert variables.warnings == ()
    assert (variables.exporter("traces"), variables.exporter("metrics"), variables.forwards_baggage) == (
        None,
        None,
        False,
    )


def test_headers_are_decoded_and_what_is_none_is_left_out():
    variables = Variables({"OTEL_EXPORTER_OTLP_HEADERS": "A=b%20c, x-key = Basic e%3D= ,,bad,x=,y=a%00,z=a\n"})

    told = {name: value.reveal() for name, value in variables.headers("traces")}
    assert told == {"a": "b c", "x-key": "Basic e==", "x": "", "z": "a"}
    assert ["entry 4" in variables.warnings[0], "entry 6" in variables.warnings[1]] == [True, True]


def test_a_thread_rests_whatever_the_variable_says():
    variables = Variables({"OTEL_BSP_SCHEDULE_DELAY": "0", "OTEL_METRIC_EXPORT_INTERVAL": "1"})

    assert variables.pause_s("OTEL_BSP_SCHEDULE_DELAY", 5000) == 0.05
    assert variables.pause_s("OTEL_METRIC_EXPORT_INTERVAL", 60_000, least=1) == 0.05
    assert variables.pause_s("OTEL_BLRP_SCHEDULE_DELAY", 1000) == 1
    assert variables.warnings == ()


GARBAGE = ("abc", "-1", "0", "1e400", "nan", "9" * 5000, "", " ", "\udcff;=%zz,\n\x01\xe9=\udcff")
OF_PYTHON = ("OTEL_PYTHON_CONTEXT", "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED")
METRICS = Metrics()


@pytest.mark.parametrize("name", [*HONOURED, *NOT_HONOURED, *OF_PYTHON])
def test_no_variable_ends_a_process(name, monkeypatch):
    for value in GARBAGE:
        monkeypatch.setenv(name, value)
        variables = Variables()
        variables.take_out_unusable(os.environ)

        SpanLimits()
        assert tracing.resource().attributes["service.name"]
        tracing.open_tracing(METRICS, variables).close()
        for signal in SIGNALS:
            place_of_variables(signal, variables)
        assert all(len(one) < 400 for one in variables.warnings)
        assert name not in os.environ or (name in HONOURED and value.strip())


def test_what_the_configuration_may_refer_to_stays():
    stays = {"OTEL_COLLECTOR_KEY": "k", "OTEL_SERVICE_NAME": "edge", "OTEL_PROPAGATORS": "b3,baggage", "PATH": "/bin"}
    goes = {"OTEL_LOG_LEVEL": "info", "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd", "OTEL_TRACES_SAMPLER_ARG": "2"}
    environ = {**stays, **goes, "OTEL_TRACES_SAMPLER": "traceidratio"}

    Variables(environ).take_out_unusable(environ)

    assert environ == {**stays, "OTEL_TRACES_SAMPLER": "traceidratio"}
