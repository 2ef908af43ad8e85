"""The list of a trace: its rows, read from the index when they are seen, and its view."""
