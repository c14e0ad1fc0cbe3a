"""Each alert fires when it has to and is silent when it has to, by Prometheus itself."""

import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yaml"
UP = {'up{job="llm-gateway", instance="a"}': "1x600"}
"""Of every case but those where it is missing."""
PLANE = {'up{job="llm-gateway-control-plane", instance="p"}': "1x600"}
"""Of cases where gateways follow one."""

CASES = [
    ("all is well", {}, "30m", set()),
    ("a gateway is gone", {'up{job="llm-gateway", instance="a"}': "1x10 0x20"}, "20m", {"GatewayDown"}),
    ("a scrape fails once", {'up{job="llm-gateway", instance="a"}': "1x10 0 1x20"}, "12m", set()),
    (
        "one of twenty is gone",
        {f'up{{job="llm-gateway", instance="{number}"}}': "1x30" if number else "0x30" for number in range(20)},
        "20m",
        {"GatewayDown"},
    ),
    ("no gateway is scraped", {'up{job="llm-gateway", instance="a"}': "_x30"}, "20m", {"GatewayAbsent"}),
    ("workers die again and again", {'gateway_worker_restarts{instance="a"}': "0+1x30"}, "20m", {"GatewayWorkersDie"}),
    ("a worker died once", {'gateway_worker_restarts{instance="a"}': "0x5 1x25"}, "20m", set()),
    (
        "a provider fails for a third of its calls",
        {
            'gateway_attempts_total{provider="openai", outcome="ok"}': "0+40x30",
            'gateway_attempts_total{provider="openai", outcome="503"}': "0+20x30",
        },
        "20m",
        {"GatewayProviderFailing"},
    ),
    (
        "a provider fails now and then",
        {
            'gateway_attempts_total{provider="openai", outcome="ok"}': "0+95x30",
            'gateway_attempts_total{provider="openai", outcome="503"}': "0+5x30",
        },
        "20m",
        set(),
    ),
    (
        "clients ask a provider for what it refuses",
        {'gateway_attempts_total{provider="openai", outcome="400"}': "0+50x30"},
        "20m",
        set(),
    ),
    (
        "a dead provider is passed over, and a probe fails now and then",
        {
            'gateway_circuit_open{provider="openai"}': "1x30",
            'gateway_passed_over_total{provider="openai", reason="circuit_open"}': "0+60x30",
            'gateway_attempts_total{provider="openai", outcome="ok"}': "500x30",
            'gateway_attempts_total{provider="openai", outcome="connect"}': "0+1x30",
        },
        "20m",
        {"GatewayProviderDead"},
    ),
    (
        "a standby without traffic is left alone",
        {
            'gateway_circuit_open{provider="standby"}': "1x30",
            'gateway_passed_over_total{provider="standby", reason="circuit_open"}': "7x30",
            'gateway_attempts_total{provider="standby", outcome="ok"}': "0x30",
        },
        "20m",
        set(),
    ),
    (
        "a circuit opens and the probes succeed",
        {
            'gateway_circuit_open{provider="openai"}': "1 0 1 0 1 0 1 0 1x20",
            'gateway_passed_over_total{provider="openai", reason="circuit_open"}': "0+5x30",
            'gateway_attempts_total{provider="openai", outcome="ok"}': "0+50x30",
        },
        "20m",
        set(),
    ),
    (
        "streams break off",
        {
            'gateway_requests_total{provider="openai", status="200", outcome="ok"}': "0+90x30",
            'gateway_requests_total{provider="openai", status="200", outcome="failed"}': "0+10x30",
        },
        "20m",
        {"GatewayStreamsFailing"},
    ),
    (
        "clients leave",
        {
            'gateway_requests_total{provider="openai", status="200", outcome="ok"}': "0+90x30",
            'gateway_requests_total{provider="openai", status="499", outcome="client_left"}': "0+30x30",
        },
        "20m",
        set(),
    ),
    (
        "every fifth request ends in a 5xx",
        {
            f'gateway_requests_total{{instance="{name}", status="{status}", outcome="ok"}}': f"0+{count}x30"
            for name in ("a", "b")
            for status, count in (("200", 80), ("502", 20))
        },
        "20m",
        {"GatewayServerErrors"},
    ),
    (
        "one node of twenty answers nothing but 5xx",
        {
            f'gateway_requests_total{{instance="{number}", status="{200 if number else 503}", outcome="ok"}}': "0+50x30"
            for number in range(20)
        },
        "20m",
        {"GatewayInstanceServerErrors"},
    ),
    (
        "one request in an hour, and it failed",
        {'gateway_requests_total{instance="a", status="502", outcome="failed"}': "0x15 1x15"},
        "20m",
        set(),
    ),
    (
        "the gateway itself is slow",
        {
            'gateway_overhead_seconds_bucket{instance="a", le="0.25"}': "0+50x40",
            'gateway_overhead_seconds_bucket{instance="a", le="1"}': "0+60x40",
            'gateway_overhead_seconds_bucket{instance="a", le="+Inf"}': "0+60x40",
            'gateway_overhead_seconds_count{instance="a"}': "0+60x40",
        },
        "30m",
        {"GatewaySlow"},
    ),
    (
        "it is quick",
        {
            'gateway_overhead_seconds_bucket{instance="a", le="0.001"}': "0+59x40",
            'gateway_overhead_seconds_bucket{instance="a", le="0.25"}': "0+60x40",
            'gateway_overhead_seconds_bucket{instance="a", le="+Inf"}': "0+60x40",
            'gateway_overhead_seconds_count{instance="a"}': "0+60x40",
        },
        "30m",
        set(),
    ),
    (
        "files run out",
        {'process_open_fds{instance="a"}': "900x30", 'process_max_fds{instance="a"}': "1024x30"},
        "20m",
        {"GatewayFilesRunOut"},
    ),
    (
        "there are files enough",
        {'process_open_fds{instance="a"}': "400x30", 'process_max_fds{instance="a"}': "1024x30"},
        "20m",
        set(),
    ),
    (
        "a budget is nearly spent",
        {
            'gateway_budget_utilization_ratio{budget="team"}': "0.85x30",
            'gateway_budget_refusals_total{budget="team"}': "0x30",
        },
        "20m",
        {"GatewayBudgetNearlySpent"},
    ),
    ("a budget is half spent", {'gateway_budget_utilization_ratio{budget="team"}': "0.5x30"}, "20m", set()),
    (
        "a budget refuses what does not fit any more, though it is not full",
        {
            'gateway_budget_utilization_ratio{budget="team"}': "0.75x30",
            'gateway_budget_refusals_total{budget="team"}': "0x10 0+3x20",
        },
        "20m",
        {"GatewayBudgetRefusing"},
    ),
    (
        "a budget refused long ago",
        {
            'gateway_budget_utilization_ratio{budget="team"}': "0.1x30",
            'gateway_budget_refusals_total{budget="team"}': "5x30",
        },
        "20m",
        set(),
    ),
    (
        "a budget is spent tomorrow at this pace",
        {
            'gateway_budget_spent_usd{budget="team"}': "100+0.5x500",
            'gateway_budget_limit_usd{budget="team"}': "900x500",
            'gateway_budget_utilization_ratio{budget="team"}': "0.3x500",
        },
        "8h",
        {"GatewayBudgetForecast"},
    ),
    (
        "a budget lasts",
        {
            'gateway_budget_spent_usd{budget="team"}': "300+0.1x500",
            'gateway_budget_limit_usd{budget="team"}': "900x500",
            'gateway_budget_utilization_ratio{budget="team"}': "0.37x500",
        },
        "8h",
        set(),
    ),
    ("a configuration is refused", {'gateway_config_stale{instance="a"}': "1x30"}, "20m", {"GatewayConfigStale"}),
    ("a configuration is mended at once", {'gateway_config_stale{instance="a"}': "0x8 1 1 0x20"}, "12m", set()),
    (
        "the control plane is away",
        {'gateway_control_plane_unreachable{instance="a"}': "1x30"},
        "20m",
        {"GatewayControlPlaneUnreachable"},
    ),
    (
        "the control plane was restarted",
        {'gateway_control_plane_unreachable{instance="a"}': "0x5 1 1 0x20"},
        "20m",
        set(),
    ),
    (
        "one gateway stays behind",
        {
            'gateway_control_plane_revision{instance="a"}': "7x30",
            'gateway_control_plane_revision{instance="b"}': "6x30",
            **PLANE,
        },
        "20m",
        {"GatewayControlPlaneLag"},
    ),
    (
        "a revision arrives",
        {
            'gateway_control_plane_revision{instance="a"}': "6x10 7x20",
            'gateway_control_plane_revision{instance="b"}': "6x11 7x20",
            **PLANE,
        },
        "12m",
        set(),
    ),
    ("a token ends", {"gateway_control_plane_tokens_ending": "1x90"}, "80m", {"GatewayTokenEnds"}),
    ("no token ends", {"gateway_control_plane_tokens_ending": "0x90"}, "80m", set()),
    (
        "a virtual key ends in three days",
        {'gateway_virtual_key_expires_timestamp_seconds{instance="a", key="ci"}': "259200x90"},
        "80m",
        {"GatewayKeyEnds"},
    ),
    (
        "a virtual key lasts a month",
        {'gateway_virtual_key_expires_timestamp_seconds{instance="a", key="ci"}': "2592000x90"},
        "80m",
        set(),
    ),
    (
        "a certificate ends in ten days",
        {'gateway_tls_certificate_expires_timestamp_seconds{instance="a"}': "864000x90"},
        "80m",
        {"GatewayCertificateEnds"},
    ),
    (
        "a certificate lasts a month",
        {'gateway_tls_certificate_expires_timestamp_seconds{instance="a"}': "2592000x90"},
        "80m",
        set(),
    ),
    (
        "a gateway without TLS",
        {'gateway_tls_certificate_expires_timestamp_seconds{instance="a"}': "0x90"},
        "80m",
        set(),
    ),
    ("counters do not answer", {'gateway_counters_up{instance="a"}': "0x30"}, "20m", {"GatewayCountersDown"}),
    ("counters missed one look", {'gateway_counters_up{instance="a"}': "1x10 0 1x20"}, "12m", set()),
    (
        "the ledger is behind",
        {'gateway_ledger_spool_oldest_seconds{instance="a"}': "0+60x30"},
        "20m",
        {"GatewayLedgerBehind"},
    ),
    ("the ledger keeps up", {'gateway_ledger_spool_oldest_seconds{instance="a"}': "2x30"}, "20m", set()),
    (
        "the spool is full in three hours",
        {
            'gateway_ledger_spool_bytes{instance="a"}': "0+5000000x60",
            'gateway_ledger_spool_limit_bytes{instance="a"}': "1000000000x60",
        },
        "30m",
        {"GatewaySpoolFills"},
    ),
    (
        "the spool holds what a minute brought",
        {
            'gateway_ledger_spool_bytes{instance="a"}': "4000000x60",
            'gateway_ledger_spool_limit_bytes{instance="a"}': "1000000000x60",
        },
        "30m",
        set(),
    ),
    (
        "entries are lost",
        {'gateway_ledger_entries_dropped_total{instance="a"}': "0x10 3x20"},
        "15m",
        {"GatewayLedgerEntriesLost"},
    ),
    ("entries were lost last week", {'gateway_ledger_entries_dropped_total{instance="a"}': "3x60"}, "30m", set()),
    (
        "entries lie aside",
        {'gateway_ledger_set_aside_entries{instance="a"}': "2x30"},
        "20m",
        {"GatewayLedgerEntriesSetAside"},
    ),
    ("none lies aside", {'gateway_ledger_set_aside_entries{instance="a"}': "0x30"}, "20m", set()),
    (
        "work at providers cannot be read",
        {
            'gateway_open_jobs_unreadable{instance="a"}': "0x5 1x40",
            'gateway_open_jobs_unreadable{instance="b"}': "0x45",
        },
        "30m",
        {"GatewayOpenJobsUnreadable"},
    ),
    (
        "a rollout passes over what the newer version wrote",
        {'gateway_open_jobs_unreadable{instance="a"}': "1x9 0x40"},
        "30m",
        set(),
    ),
    (
        "records are lost",
        {'gateway_decision_records_dropped_total{instance="a"}': "0x10 0+5x20"},
        "20m",
        {"GatewayDecisionRecordsLost"},
    ),
    ("no record is lost", {'gateway_decision_records_dropped_total{instance="a"}': "5x60"}, "30m", set()),
    (
        "spans are lost",
        {'gateway_trace_spans_dropped_total{instance="a", collector="lab", reason="export_failed"}': "0+9x60"},
        "40m",
        {"GatewaySpansLost"},
    ),
    (
        "a collector was restarted",
        {'gateway_trace_spans_dropped_total{instance="a", collector="lab", reason="export_failed"}': "0x10 5x60"},
        "40m",
        set(),
    ),
    (
        "a model has no price",
        {'gateway_unpriced_requests_total{provider="openai", model="new"}': "0+1x200"},
        "150m",
        {"GatewayUnpricedRequests"},
    ),
    (
        "a model has a price by now",
        {'gateway_unpriced_requests_total{provider="openai", model="new"}': "7x200"},
        "150m",
        set(),
    ),
    (
        "the control plane is gone",
        {'up{job="llm-gateway-control-plane", instance="p"}': "1x10 0x20"},
        "20m",
        {"ControlPlaneDown"},
    ),
    ("a control plane answers", {'up{job="llm-gateway-control-plane", instance="p"}': "1x30"}, "20m", set()),
    (
        "a control plane is followed and not scraped",
        {'gateway_control_plane_revision{instance="a"}': "7x30"},
        "20m",
        {"ControlPlaneAbsent"},
    ),
    (
        "a control plane is followed and scraped",
        {
            'gateway_control_plane_revision{instance="a"}': "7x30",
            **PLANE,
        },
        "20m",
        set(),
    ),
    (
        "the control plane's database is away",
        {'control_plane_database_up{instance="p"}': "1x5 0x25"},
        "20m",
        {"ControlPlaneDatabaseDown"},
    ),
    ("its database was restarted", {'control_plane_database_up{instance="p"}': "1x5 0 1x25"}, "8m", set()),
    (
        "the control plane answers 5xx",
        {
            'control_plane_requests_total{instance="p", route="/api/gateway/v1/spend", status="5xx"}': "0+9x30",
            'control_plane_requests_total{instance="p", route="/api/gateway/v1/spend", status="2xx"}': "0+9x30",
        },
        "20m",
        {"ControlPlaneServerErrors"},
    ),
    (
        "one answer was a 5xx",
        {
            'control_plane_requests_total{instance="p", route="/api/gateway/v1/spend", status="5xx"}': "0x5 1x25",
            'control_plane_requests_total{instance="p", route="/api/gateway/v1/spend", status="2xx"}': "0+9x30",
        },
        "20m",
        set(),
    ),
    (
        "an apply failed",
        {'control_plane_applies_total{instance="p", result="database_unavailable"}': "0x10 1x20"},
        "15m",
        {"ControlPlaneAppliesFail"},
    ),
    (
        "applies were made, and some were refused",
        {
            'control_plane_applies_total{instance="p", result="database_unavailable"}': "3x30",
            'control_plane_applies_total{instance="p", result="stale_plan"}': "0+1x30",
            'control_plane_applies_total{instance="p", result="ok"}': "0+1x30",
        },
        "20m",
        set(),
    ),
    (
        "a gateway refuses the newest revision",
        {
            'control_plane_gateways{instance="p", state="refuses"}': "1x30",
            'control_plane_gateways{instance="p", state="current"}': "3x30",
        },
        "20m",
        {"ControlPlaneGatewaysBehind"},
    ),
    (
        "no gateway reports any more",
        {
            'control_plane_gateways{instance="p", state="silent"}': "3x30",
            'control_plane_gateways{instance="p", state="current"}': "0x30",
        },
        "20m",
        {"ControlPlaneUnfollowed"},
    ),
    (
        "one gateway was taken away, and others take a revision",
        {
            'control_plane_gateways{instance="p", state="silent"}': "1x30",
            'control_plane_gateways{instance="p", state="current"}': "3x8 0 3x20",
            'control_plane_gateways{instance="p", state="behind"}': "0x8 3 0x20",
            'control_plane_gateways{instance="p", state="refuses"}': "0x30",
        },
        "12m",
        set(),
    ),
    (
        "somebody guesses tokens",
        {'control_plane_errors_total{instance="p", type="invalid_token"}': "0+30x30"},
        "20m",
        {"ControlPlaneTokensRefused"},
    ),
    (
        "somebody mistyped a token",
        {'control_plane_errors_total{instance="p", type="invalid_token"}': "0x5 3x25"},
        "20m",
        set(),
    ),
    (
        "a token ends in ten days, and the control plane names it",
        {
            'control_plane_token_expires_timestamp_seconds{instance="p", token="ci", scope="apply"}': "864000x90",
            "gateway_control_plane_tokens_ending": "1x90",
        },
        "80m",
        {"ControlPlaneTokenEnds"},
    ),
    (
        "a token lasts",
        {'control_plane_token_expires_timestamp_seconds{instance="p", token="ci", scope="apply"}': "2592000x90"},
        "80m",
        set(),
    ),
    (
        "the control plane's certificate ends",
        {'control_plane_tls_certificate_expires_timestamp_seconds{instance="p"}': "864000x90"},
        "80m",
        {"ControlPlaneCertificateEnds"},
    ),
    (
        "a control plane without TLS",
        {'control_plane_tls_certificate_expires_timestamp_seconds{instance="p"}': "0x90"},
        "80m",
        set(),
    ),
]

DEAD = " ".join(["1 1 1 1 0"] * 24)
"""The gauge of a circuit that opens anew with each probe, scraped once in the moment before the next one."""
FINE = [
    (
        "a dead provider's circuit is closed from the end of its time until the next request probes",
        {
            'gateway_circuit_open{provider="openai"}': DEAD,
            'gateway_passed_over_total{provider="openai", reason="circuit_open"}': "0+15x120",
            'gateway_attempts_total{provider="openai", outcome="ok"}': "500x120",
            'gateway_attempts_total{provider="openai", outcome="503"}': "0 1 1 1 1 2 2 2 2 2 3 3 3 3 3 4x110",
        },
        "15m",
        {"GatewayProviderDead"},
    ),
    (
        "a dead provider is asked so seldom that each request is a probe",
        {
            'gateway_circuit_open{provider="openai"}': " ".join(["1x3 0x3"] * 15),
            'gateway_passed_over_total{provider="openai", reason="circuit_open"}': "7x120",
            'gateway_attempts_total{provider="openai", outcome="connect"}': " ".join(
                f"{number}x7" for number in range(15)
            ),
        },
        "15m",
        {"GatewayProviderDead"},
    ),
    (
        "a dead provider answers again",
        {
            'gateway_circuit_open{provider="openai"}': "1 1 1 1 0 1 1 1 1 0 1 1 1 1 0x105",
            'gateway_passed_over_total{provider="openai", reason="circuit_open"}': "0+15x13 195x106",
            'gateway_attempts_total{provider="openai", outcome="ok"}': "0x14 0+15x105",
            'gateway_attempts_total{provider="openai", outcome="503"}': "0 1 1 1 1 2 2 2 2 2 3x110",
        },
        "12m",
        set(),
    ),
    (
        "a standby failed for a while, and nobody has asked it since",
        {
            'gateway_circuit_open{provider="standby"}': "1x4 0x115",
            'gateway_passed_over_total{provider="standby", reason="circuit_open"}': "0 5 9 12 13x116",
            'gateway_attempts_total{provider="standby", outcome="503"}': "0 10x118",
        },
        "5m",
        set(),
    ),
    (
        "half of a provider's calls fail, and its circuit opens again and again",
        {
            'gateway_circuit_open{provider="openai"}': DEAD,
            'gateway_passed_over_total{provider="openai", reason="circuit_open"}': "0+15x120",
            'gateway_attempts_total{provider="openai", outcome="ok"}': " ".join(f"{10 * n}x4" for n in range(24)),
            'gateway_attempts_total{provider="openai", outcome="503"}': " ".join(f"{10 * n}x4" for n in range(24)),
        },
        "15m",
        {"GatewayProviderFailing"},
    ),
]
"""What happens between two minutes: scraped every quarter of one."""


def test_every_alert_fires_in_one_case_and_is_silent_in_another_with_the_same_figures():
    fires = {alert for *_, alerts in CASES for alert in alerts}
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert fires == {rule["alert"] for rule in rules}

    silent = {series.partition("{")[0] for _, given, _, alerts in CASES if not alerts for series in given}
    loud = {series.partition("{")[0] for _, given, _, alerts in CASES if alerts for series in given}
    assert loud <= silent


SHORT = [case for case in CASES if case[2] in ("12m", "15m", "20m", "30m", "40m")]
LONG = [case for case in CASES if case not in SHORT]


@pytest.mark.service
@pytest.mark.parametrize(
    ("cases", "scraped", "evaluated"),
    [(FINE, "15s", "15s"), (SHORT, "1m", "1m"), (LONG, "1m", "5m")],
    ids=["of seconds", "of minutes", "of hours"],
)
def test_each_case_fires_what_it_says_and_nothing_else(promtool, tmp_path, cases, scraped, evaluated):
    tests = [
        {
            "name": name,
            "interval": scraped,
            "input_series": [{"series": series, "values": values} for series, values in ((UP | given).items())],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": at,
                    "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)],
                }
            ],
        }
        for name, given, at, alerts in cases
    ]
    file = tmp_path / "cases.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": evaluated, "tests": tests}))

    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
