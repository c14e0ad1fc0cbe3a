"""What a `gateway.yaml` may contain, one module per section. The JSON Schema is generated from these models."""
