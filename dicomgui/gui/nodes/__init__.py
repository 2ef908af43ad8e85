"""The panel of the systems that are saved."""
