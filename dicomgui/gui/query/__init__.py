"""The panel that asks archives and retrieves from them."""
