"""The panel that asks a worklist, and tells what becomes of a step."""
