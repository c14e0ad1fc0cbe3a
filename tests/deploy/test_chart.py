"""The chart, rendered by Helm for what people set, and judged by Kubernetes' own schemas."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy import tools

CHART = Path(__file__).parents[2] / "deploy" / "helm"
FILES = {"gateway.yaml": "version: 1\nproviders: {sim: {type: simulator}}\n"}
SERVES = {"config": {"files": FILES}, "existingSecret": "gateway"}
FOLLOWS = {"gateway": {"followControlPlane": True}, "controlPlane": {"enabled": True, "name": "prod"}}
EVERYTHING = {
    **SERVES,
    "image": {"repository": "registry.example/gateway", "digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "secretFiles": "keys",
    "env": {"GATEWAY_FILE_ROOTS": "/etc/gateway-secrets", "GATEWAY_UPSTREAM_CONNECTIONS": 100},
    "gateway": {
        "persistence": {"enabled": True, "storageClass": "fast"},
        "autoscaling": {"enabled": True},
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "podAnnotations": {"a": "b"},
        "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
    },
    "controlPlane": {"enabled": True, "tlsSecret": "control-plane-tls"},
    "migrations": {"enabled": True},
    "networkPolicy": {"enabled": True, "ingressFrom": [{"namespaceSelector": {"matchLabels": {"team": "apps"}}}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
}
BY_NAME = {
    **SERVES,
    "networkPolicy": {"enabled": True, "cilium": True, "providerHosts": ["api.openai.com", "*.amazonaws.com"]},
}
CASES = {"serves": SERVES, "follows": FOLLOWS, "everything": EVERYTHING, "by name": BY_NAME}
_OF_OTHERS = ("ServiceMonitor", "CiliumNetworkPolicy")
"""Kinds that Kubernetes itself has no schema for."""

pytestmark = pytest.mark.skipif(
    tools.helm() is None or tools.validator() is None,
    reason="Helm and kubernetes-validate are not there: `python -m tests.deploy.tools` installs them",
)


def helm(*arguments, values, code=0):
    done = subprocess.run(
        [tools.helm(), *arguments, CHART, "--values", "-"],
        check=False,
        input=json.dumps(values),
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == (code == 0), done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def rendered():
    """The objects of each case, by kind and name."""
    found = {}
    for name, values in CASES.items():
        text = helm("template", "acme", values=values)
        found[name] = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text) if one}
    return found


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_helm_has_nothing_to_say(values):
    assert "0 chart(s) failed" in helm("lint", "--strict", values=values)


def test_every_object_is_one_of_kubernetes(rendered, tmp_path):
    for case, objects in rendered.items():
        for number, one in enumerate(objects.values()):
            if one["kind"] not in _OF_OTHERS:
                (tmp_path / f"{case}-{number}.yaml".replace(" ", "-")).write_text(yaml.safe_dump(one))

    done = subprocess.run(
        [tools.validator(), "--strict", *tmp_path.iterdir()], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


def containers(objects):
    workloads = (one for (kind, _), one in objects.items() if kind in ("Deployment", "StatefulSet", "Job"))
    return [
        (one["spec"]["template"]["spec"], container)
        for one in workloads
        for container in one["spec"]["template"]["spec"]["containers"]
    ]


@pytest.mark.parametrize("case", CASES)
def test_pods_have_no_more_rights_than_they_need(rendered, case):
    for pod, container in containers(rendered[case]):
        assert (
            pod["securityContext"].items()
            >= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}.items()
        )
        assert pod["automountServiceAccountToken"] is False
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert not security["allowPrivilegeEscalation"]
        names = [variable["name"] for variable in container["env"]]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("case", ["serves", "everything"])
def test_a_pod_has_the_time_that_its_drain_takes(rendered, case):
    (pod, container) = next(one for one in containers(rendered[case]) if one[1]["name"] == "gateway")
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}

    drain = int(environment["GATEWAY_DRAIN_GRACE_S"]) + int(environment["GATEWAY_DRAIN_TIMEOUT_S"])
    assert pod["terminationGracePeriodSeconds"] > drain


def test_probes_are_asked_on_the_port_that_has_room_for_them(rendered):
    _, container = containers(rendered["serves"])[0]

    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {one["port"] for one in probes.values()} == {"health"}
    assert [one["path"] for one in probes.values()] == ["/startupz", "/readyz", "/healthz"]


@pytest.mark.parametrize(("group", "expected"), [({}, 65532), ({"fsGroup": 7}, 7), ({"fsGroup": None}, None)])
def test_volumes_belong_to_a_group_that_the_pod_is_in(group, expected):
    values = {**SERVES, **group, "gateway": {"persistence": {"enabled": True}}}
    objects = {one["kind"]: one for one in yaml.safe_load_all(helm("template", "acme", values=values)) if one}

    assert objects["StatefulSet"]["spec"]["template"]["spec"]["securityContext"].get("fsGroup") == expected


def test_what_metrics_tell_is_not_published_with_the_api(rendered):
    objects = rendered["everything"]
    api, health = objects["Service", "acme"], objects["Service", "acme-health"]
    scraped = objects["ServiceMonitor", "acme"]["spec"]["selector"]["matchLabels"]

    assert api["spec"]["type"] == "LoadBalancer"
    assert [one["name"] for one in api["spec"]["ports"]] == ["http"]
    assert health["spec"]["clusterIP"] == "None"
    assert [one["port"] for one in health["spec"]["ports"]] == [5564]
    assert scraped.items() <= health["metadata"]["labels"].items()
    assert not scraped.items() <= api["metadata"]["labels"].items()


def test_a_gateway_that_follows_has_no_file_and_knows_whom_to_follow(rendered):
    objects = rendered["follows"]
    _, gateway = next(one for one in containers(objects) if one[1]["name"] == "gateway")
    environment = {variable["name"]: variable.get("value") for variable in gateway["env"]}

    assert environment["GATEWAY_CONTROL_PLANE_URL"] == "http://acme-control-plane:80"
    assert "GATEWAY_CONFIG" not in environment
    assert ("Service", "acme-control-plane") in objects


def test_hosts_are_allowed_by_name_where_cilium_is(rendered):
    policy = rendered["by name"]["CiliumNetworkPolicy", "acme-providers"]

    named = next(rule["toFQDNs"] for rule in policy["spec"]["egress"] if "toFQDNs" in rule)
    assert named == [{"matchName": "api.openai.com"}, {"matchPattern": "*.amazonaws.com"}]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "the gateway has no configuration"),
        ({"gateway": {"followControlPlane": True}}, "needs controlPlane.enabled"),
        ({**SERVES, "gateway": {"replica": 3}}, "replica"),
        ({**SERVES, "gateway": {"replicas": "three"}}, "replicas"),
        ({**SERVES, "image": {"repository": ""}}, "repository"),
    ],
)
def test_values_that_cannot_be_are_refused_with_what_is_wrong(values, said):
    assert said in helm("template", "acme", values=values, code=1)


def test_every_value_is_described():
    def undescribed(schema, path):
        if not schema.get("description") and path:
            yield path
        for name, one in schema.get("properties", {}).items():
            yield from undescribed(one, f"{path}.{name}")

    schema = json.loads((CHART / "values.schema.json").read_text())

    def names(values, path=""):
        for name, value in values.items():
            yield f"{path}.{name}"
            if isinstance(value, dict):
                yield from names(value, f"{path}.{name}")

    def known(schema, path=""):
        for name, one in schema.get("properties", {}).items():
            yield f"{path}.{name}"
            yield from known(one, f"{path}.{name}")

    assert list(undescribed(schema, "")) == []
    written = set(names(yaml.safe_load((CHART / "values.yaml").read_text())))
    assert {path for path in written if ".resources." not in path} <= set(known(schema))
