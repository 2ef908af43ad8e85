"""The trace inspector, and the trace under every panel."""
