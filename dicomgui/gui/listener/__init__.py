"""The panel of our own listener: its settings, who is connected, what came in."""
