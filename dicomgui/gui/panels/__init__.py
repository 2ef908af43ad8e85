"""One panel of the window per module."""
