"""The panel of what our listener answers beside its archive."""
