"""Whom a request is attributed to: teams, projects and principals."""

from pydantic import Field

from gateway.config.sections.base import Name, Shareable


class Team(Shareable):
    """A team: the widest group below the organization."""

    trace_collector: Name | None = Field(
        None, description="Where the team's traces go, one of `trace_collectors`; a project's own wins."
    )
    description: str | None = Field(None, description="What the team is, for people.")


class Project(Shareable):
    """A project: what an application or a service belongs to."""

    team: Name | None = Field(None, description="The team that owns the project, one of `teams`.")
    trace_collector: Name | None = Field(
        None, description="Where the project's traces go, one of `trace_collectors`; omitted: where the team's go."
    )
    description: str | None = Field(None, description="What the project is, for people.")


class Principal(Shareable):
    """A person or a robot that keys act for."""

    team: Name | None = Field(None, description="The team that the principal belongs to, one of `teams`.")
    description: str | None = Field(None, description="Who or what the principal is, for people.")
