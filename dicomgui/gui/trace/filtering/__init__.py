"""Filters of a trace, typed and found; completion, and the next row that passes."""
