"""The data plane over HTTP: Granian serves, Falcon routes, the pipeline decides."""
