"""A control plane without a server, for tests of what its API and the command line both call."""

import msgspec
from sqlalchemy import func, select

from gateway.config.documents import PlanRequest, document
from gateway.config.resources import Resource
from gateway.control_plane import planning, state
from gateway.control_plane.audit import Actor
from gateway.control_plane.edit import Edit
from gateway.control_plane.encryption import Vault, generate_key
from gateway.control_plane.minting import Minter
from gateway.plan.guards import Allowed
from gateway.secret import Secret
from gateway.storage.engine import writing

NOW = 1_795_510_000_000_000
KEY = generate_key()
CANARY = "sk-canary-value"
SIMULATOR = Resource("providers", "sim", {"type": "simulator"})
OPENAI = Resource("providers", "openai", {"type": "openai", "api_key": Secret(CANARY)})
ME = Actor("me", "grq_1")


def key(name="k", **spec):
    return Resource("virtual_keys", name, {"environment": "test", **spec})


def team(name, **spec):
    return Resource("teams", name, spec)


def hash_of(number):
    return "hmac-sha256:" + f"{number:064x}"


class Plane:
    """A control plane without a server."""

    def __init__(self, engine):
        self.engine = engine
        self.vault = Vault((KEY,))

    def plan(self, *wanted, owner="platform", now=NOW, owners=None, **more):
        request = PlanRequest(owner, [document(one) for one in wanted], **more)
        with self.engine.connect() as connection:
            made = planning.plan(connection, self.vault, request, now=now, owners=owners, control_plane="prod")
            return planning.saved(self.vault, request, made)

    def apply(self, saved, *, allowed=None, now=NOW, vault=None, actor=ME):
        with writing(self.engine) as connection:
            return planning.apply(
                connection,
                vault or self.vault,
                saved,
                allowed=allowed or Allowed(),
                actor=actor,
                mint=Minter(None),
                now=now,
                lock_wait_s=5,
                control_plane="prod",
            )

    def put_in_force(self, *wanted, owners=None, **more):
        saved = self.plan(*wanted, owners=owners, **more)
        allowed = Allowed(delete=1_000, empty=True, discard_outside_edits=True)
        return self.apply(saved, allowed=allowed, actor=msgspec.structs.replace(ME, owners=owners))

    def live(self):
        with self.engine.connect() as connection:
            return state.read_state(connection, self.vault)

    def specs(self):
        return {one.resource.address: one.resource.spec for one in self.live().resources.values()}

    def edit(self, function, *arguments, expected=None, owners=None, **more):
        how = Edit(Actor("on-call", owners=owners), NOW + 1, expected)
        with writing(self.engine) as connection:
            return function(connection, self.vault, *arguments, how, **more)

    def count(self, table):
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(table))
