"""Our listener: what it takes, what it keeps, and what it answers as a worklist, an MPPS, a printer or a UPS."""
