"""The command line: every operation of the window, same names, same results."""

__all__: list[str] = []
