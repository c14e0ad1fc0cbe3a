"""Whom a request is attributed to: teams, projects and principals."""

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.config.sections.access import ANOTHER, END, NOTHING_MORE, OTHER_READERS, UNKNOWN
from gateway.config.sections.base import Description, Moment, Name, Shareable
from gateway.config.sections.marks import Refers
from gateway.config.sections.names import PrintableName
from gateway.config.sections.virtual_keys import SecretHash


class Team(Shareable):
    """A team: the widest group below the organization."""

    example: ClassVar[str] = "teams: {engineering: {description: Everyone who ships code}}"

    trace_collector: Annotated[Name | None, Refers("trace_collectors"), OTHER_READERS] = Field(
        None, description="Where the team's traces go, one of `trace_collectors`; a project's own wins."
    )
    class_: Annotated[Name | None, Refers("key_classes"), UNKNOWN] = Field(
        None,
        alias="class",
        description="One of `key_classes`, for the keys of the team's projects, and of its people where these have "
        "none; a key's own class, and its principal's, go before it.",
    )
    description: Description = Field(None, description="What the team is, for people.")


class Project(Shareable):
    """A project: what an application or a service belongs to."""

    example: ClassVar[str] = "projects: {checkout: {team: engineering}}"

    team: Annotated[PrintableName | None, Refers("teams"), UNKNOWN] = Field(
        None, description="The team that owns the project, one of `teams`."
    )
    trace_collector: Annotated[Name | None, Refers("trace_collectors"), OTHER_READERS] = Field(
        None, description="Where the project's traces go, one of `trace_collectors`; omitted: where the team's go."
    )
    description: Description = Field(None, description="What the project is, for people.")


class Principal(Shareable):
    """A person or a robot that keys act for."""

    example: ClassVar[str] = "principals: {dev-1@example.com: {team: engineering}}"

    team: Annotated[PrintableName | None, Refers("teams"), UNKNOWN] = Field(
        None, description="The team that the principal belongs to, one of `teams`."
    )
    class_: Annotated[Name | None, Refers("key_classes"), UNKNOWN] = Field(
        None,
        alias="class",
        description="One of `key_classes`, for the principal's keys; a key's own class goes before it.",
    )
    secret_hash: Annotated[SecretHash | None, ANOTHER] = Field(
        None,
        description="That of the key which a class with `for_each` makes for the principal; a control plane mints the "
        "secret where it is left out.",
    )
    previous_secret_hash: Annotated[SecretHash | None, NOTHING_MORE] = Field(
        None, description="The hash of that key's secret before a rotation."
    )
    previous_secret_expires_at: Annotated[Moment | None, END] = Field(
        None, description="When that key's secret before a rotation stops working (RFC 3339, with a zone)."
    )
    description: Description = Field(None, description="Who or what the principal is, for people.")
