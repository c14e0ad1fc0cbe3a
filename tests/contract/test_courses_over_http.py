"""Any course of applies, renames, single changes and reverts over HTTP, with a gateway that follows each step.

What is accepted is in force at the gateway; a secret that was revoked or rotated away is refused from then on, whatever
follows; what was spent stays known; and a plan after an apply is empty. The same is asked of the functions alone, in many
more examples, in `tests/unit/control_plane`.
"""

from itertools import count

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from gateway.config.documents import PlanRequest, documents
from gateway.config.resources import Resource
from gateway.control_plane.encryption import generate_key
from tests.support.control_plane import API, ControlPlane
from tests.support.gateway import Gateway
from tests.unit.storage.databases import module_database_url

__all__ = ["module_database_url"]

OWNERS = count(1)
EVERYTHING = {"delete": 1_000, "empty": True, "discard_outside_edits": True}
RUNTIME_ENV = {"GATEWAY_RUNTIME_ENV": "LISTED", "LISTED": "there"}

NAMES = st.sampled_from("ab")
TEXT = st.sampled_from(["plain", "${VAR}", "$${VAR}", "${runtime-env:GATEWAY_X}", "${env:HOME}", "${"])
CHANGES = st.one_of(
    st.tuples(st.just("teams"), st.fixed_dictionaries({"description": TEXT})),
    st.tuples(
        st.just("providers"),
        st.one_of(
            st.just({"type": "simulator"}),
            st.fixed_dictionaries({"type": st.just("openai"), "api_key": TEXT | st.just("(sensitive)")}),
            st.fixed_dictionaries({"type": st.just("custom"), "base_url": TEXT | st.just("http://127.0.0.1:9")}),
        ),
    ),
    st.tuples(st.just("policy_rules"), st.sampled_from([{"tools": {"deny": ["("]}}, {"tools": {"deny": ["a"]}}])),
    st.tuples(st.just("model_aliases"), st.sampled_from(["nobody/m", "sim/m", ["sim/m", "sim/${env:HOME}"], "m"])),
    st.tuples(
        st.just("virtual_keys"),
        st.sampled_from([{"environment": "live"}, {"secret_hash": "hmac-sha256:0"}, {"team": "nobody"}, {"models": 1}]),
    ),
)
STEPS = st.one_of(
    st.tuples(st.sampled_from(("apply", "rename")), NAMES),
    st.tuples(st.sampled_from(("remove", "rotate", "revoke", "disable", "enable")), st.none()),
    st.tuples(st.just("back"), st.integers(1, 3)),
    st.tuples(st.just("put"), CHANGES),
)
WORST = [
    ("apply", "a"),
    ("rename", "b"),
    ("rotate", None),
    ("put", ("teams", {"description": "${VAR}"})),
    ("back", 2),
    ("remove", None),
    ("apply", "a"),
    ("revoke", None),
    ("enable", None),
    ("remove", None),
    ("back", 3),
]


@pytest.fixture(scope="module")
def plane(tmp_path_factory, module_database_url):
    made = ControlPlane(
        tmp_path_factory.mktemp("plane"), module_database_url, env={"GATEWAY_ENCRYPTION_KEYS": generate_key()}
    )
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gateway(plane, tmp_path_factory):
    where = ("--control-plane", f"http://127.0.0.1:{plane.port}", "--database", plane.database_url)
    env = {"GATEWAY_CONTROL_PLANE_TOKEN": plane.token("gateway"), **RUNTIME_ENV}
    made = Gateway(tmp_path_factory.mktemp("gateway"), None, *where, env=env)
    yield made
    made.stop()


class Course:
    """What one owner does with one key, which has another name now and then, and with the budget of it."""

    def __init__(self, plane, gateway):
        self.plane, self.gateway = plane, gateway
        self.owner = f"owner-{next(OWNERS)}"
        self.token = plane.token("apply", owners=(self.owner,))
        self.name = self.secret = None
        self.refused = set()
        self.calls = 0
        self.revisions = []

    def ask(self, method, path, body=None):
        return self.plane.client.request(
            method, API + path, json=body, headers={"authorization": f"Bearer {self.token}"}
        )

    def own(self, name):
        return f"{self.owner}-{name}"

    def file(self, name):
        provider = self.own("sim")
        price = {"input_usd_per_mtok": "1000", "output_usd_per_mtok": "1000"}
        spec = {"environment": "test", "providers": [provider]}
        found = [
            Resource("providers", provider, {"type": "simulator", "models": [self.own("model")]}),
            Resource("prices", f"{provider}/{self.own('model')}", price),
        ]
        if name is not None:
            scope = {"scope": {"virtual_key": self.own(name)}, "window": "total", "limit_usd": "5000"}
            found += [Resource("virtual_keys", self.own(name), spec), Resource("budgets", self.own(name), scope)]
        return documents(found)

    def plan(self, name=None, **more):
        resources = [] if "to_revision" in more else self.file(name)
        answer = self.ask("POST", "/plans", msgspec.to_builtins(PlanRequest(self.owner, [*resources], **more)))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put_in_force(self, name=None, **more):
        """Applies; afterwards there is nothing to do, and no more is kept of what it made than its secret."""
        saved = self.plan(name, **more)
        assert saved["plan"]["errors"] == []
        answer = self.ask("POST", "/applies", {"saved": saved, "allowed": EVERYTHING})
        assert answer.status_code == 200, answer.text
        assert self.plan(name, **{**more, "moves": []})["plan"]["resource_changes"] == []
        self.revisions.append(answer.json()["revision"])
        return next(iter(answer.json()["minted"].values()), None)

    def now_called(self, name, minted):
        """Another key than before has a secret that was minted, or is one that was there and got its own back."""
        if name != self.name or minted is not None:
            self.name, self.secret, self.calls = name, minted, 0

    def take(self, what, how):
        if what == "apply":
            self.now_called(how, self.put_in_force(how))
        elif what == "remove":
            self.now_called(None, self.put_in_force())
        elif what == "back":
            self.back(how)
        elif what == "put":
            kind, spec = how
            spec = f"{self.own('sim')}/m" if spec == "sim/m" else spec
            self.ask("PUT", f"/resources/{kind}/{self.own('beside')}", {"spec": spec})
        elif self.name is not None:
            self.rename(how) if what == "rename" else self.live(what)

    def rename(self, name):
        moves = [(f"{kind}.{self.own(self.name)}", f"{kind}.{self.own(name)}") for kind in ("virtual_keys", "budgets")]
        self.put_in_force(name, moves=moves if name != self.name else [])
        self.name = name

    def back(self, steps):
        if len(self.revisions) >= steps:
            minted = self.put_in_force(to_revision=self.revisions[-steps])
            there = [one["name"] for one in self.ask("GET", "/virtual-keys").json()["virtual_keys"]]
            self.now_called(there[0].removeprefix(f"{self.owner}-") if there else None, minted)

    def live(self, verb):
        before = self.secret
        answer = self.ask(
            "POST", f"/virtual-keys/{self.own(self.name)}/{verb}", {"grace_s": 0} if verb == "rotate" else {}
        )
        if answer.status_code == 409:
            return
        assert answer.status_code == 200, answer.text
        if verb == "rotate":
            self.secret = answer.json()["secret"]
        if verb in ("rotate", "revoke") and before is not None:
            self.refused.add(before)

    def check(self):
        """What the control plane accepted is in force at the gateway, and so is all that was said before."""
        newest = self.plane.get("/nodes", self.token).json()["revision"]
        self.gateway.wait(lambda: self.gateway.readyz()["control_plane"]["revision"] == newest)
        assert self.gateway.readyz()["config"] == "current"
        assert all(self.call(secret).status_code in (401, 403) for secret in self.refused)
        if self.secret is None or self.secret in self.refused or self.name is None:
            return
        state = next(one["state"] for one in self.ask("GET", "/virtual-keys").json()["virtual_keys"])
        answer = self.call(self.secret)
        assert answer.status_code == (200 if state == "active" else 403), answer.text
        self.calls += answer.status_code == 200

    def call(self, secret):
        return self.gateway.chat(self.own("model"), headers={"authorization": f"Bearer {secret}"})

    def check_spend(self):
        """Of everybody, as gateways tell it; of this owner's budget, at least what its key was called since it is."""
        self.gateway.wait(lambda: sum(map(self.is_of_its_key, self.gateway.records())) >= self.calls)
        records = self.gateway.records()
        told = sum(one["cost_nano_usd"] or 0 for one in records)
        everything = {"from": "2020-01-01", "to": "2100-01-01"}
        view = self.plane.token()
        self.gateway.wait(lambda: self.plane.get("/spend", view, **everything).json()["total"]["cost_nano_usd"] >= told)
        if self.name is not None and self.calls:
            cost = next(one["cost_nano_usd"] for one in records if self.is_of_its_key(one))
            self.gateway.wait(lambda: self.spent() >= self.calls * cost > 0)

    def is_of_its_key(self, record):
        """Whether that is the record of a request that was served: writing it may take a moment longer."""
        return record["model"] == self.own("model") and record["status"] == 200

    def spent(self):
        (budget,) = self.ask("GET", "/budgets").json()["budgets"]
        return round(float(budget["spent_usd"]) * 1e9)


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEPS, min_size=3, max_size=7).map(lambda steps: [("apply", "a"), *steps]))
@example(WORST)
def test_what_is_accepted_is_in_force_and_what_was_said_stays_so(plane, gateway, steps):
    course = Course(plane, gateway)
    for what, how in steps:
        course.take(what, how)
        course.check()
    course.check_spend()
