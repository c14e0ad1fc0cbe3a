"""What the gateway says about its work: trace context, decision records, metrics, logs."""
