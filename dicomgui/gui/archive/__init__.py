"""The panel of the local archive."""
