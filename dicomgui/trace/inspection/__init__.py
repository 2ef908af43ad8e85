"""What one looks at in a trace: messages put together, data sets, the negotiation, the phases."""
