"""The simulator as a provider like any other; only its transport is its own."""

from gateway.config.sections.providers import SimulatorProvider
from gateway.providers.base import SpokenAsWritten, path_segment
from gateway.providers.header_set import HeaderSet
from gateway.providers.simulator.transport import SimulatorTransport
from gateway.providers.timeouts import ProviderTimeouts, timeouts_of
from gateway.shapes.addresses import method_of
from gateway.shapes.endpoints import ENDPOINTS, Endpoint
from gateway.upstream.request import Headers, Transport


class Simulator(SpokenAsWritten):
    """Every endpoint of the table, in every shape."""

    def __init__(self, name: str, section: SimulatorProvider, _transport: Transport) -> None:
        self.name = name
        self.type: str = section.type
        self.models = tuple(section.models)
        self.timeouts: ProviderTimeouts = timeouts_of(section.timeouts)
        self.transport: Transport = SimulatorTransport(
            frozenset(section.models), latency_s=section.latency_ms / 1000, pace_s=section.pace_ms / 1000
        )
        self._headers = HeaderSet([], section.headers)

    def serves(self, endpoint: Endpoint, _model: str) -> bool:
        """Whatever a client can call."""
        return endpoint.name in ENDPOINTS

    def url(self, endpoint: Endpoint, model: str, *, stream: bool) -> str:
        """A URL that leads nowhere but into the simulator."""
        if endpoint.is_addressed:
            return f"simulator://{self.name}/v1beta/models/{path_segment(model)}:{method_of(endpoint, stream=stream)}"
        return f"simulator://{self.name}{endpoint.path}"

    def wire_model(self, _endpoint: Endpoint, model: str) -> str:
        """Models keep their names."""
        return model

    def prepare_headers(self, headers: Headers, _endpoint: Endpoint) -> None:
        """Only what the file adds; there is nothing to authenticate at."""
        self._headers.apply(headers)
