"""Where the traces of a key go, and what they carry."""

from gateway.config.model import Config
from gateway.config.sections.tracing import ContentCapture, KeyContentCapture, TraceCollector
from gateway.content.captured import CapturePolicy
from gateway.content.redaction import redaction
from gateway.snapshot.snapshot import Attribution
from gateway.telemetry.collector_settings import CollectorSettings


def trace_collector(who: Attribution, config: Config) -> str | None:
    """The project's, else the team's, else the file's; `None`: that of the process."""
    project, team = config.projects.get(who.project or ""), config.teams.get(who.team or "")
    named = (
        project.trace_collector if project is not None else None,
        team.trace_collector if team is not None else None,
        config.trace_collector,
    )
    return next((one for one in named if one is not None), None)


def collector(section: TraceCollector) -> CollectorSettings:
    """A collector, ready to be opened."""
    return CollectorSettings(
        endpoint=section.endpoint,
        protocol=section.protocol,
        headers=tuple(section.headers.items()),
        sampling_ratio=float(section.sampling_ratio),
        also_to_default=section.also_to_default,
    )


def capture(own: KeyContentCapture, file: ContentCapture) -> CapturePolicy | None:
    """How a key's content is captured; `None`: not at all."""
    if not (file.enabled if own.enabled is None else own.enabled):
        return None
    return CapturePolicy(file.max_body_bytes, redaction((*file.redact, *own.redact), file.max_attribute_bytes))
