"""The resources of the REST API, one module per noun."""
