"""What is below the list of a trace: fields and bytes, the negotiation, the times."""
