"""A copy of a trace without patient data, byte for byte as long."""
