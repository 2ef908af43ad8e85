"""Use cases: what the window and the command line do, without Qt and without sockets.

Each is one module: :mod:`~dicomgui.app.echo`, :mod:`~dicomgui.app.send`, :mod:`~dicomgui.app.listener`. Nothing is
imported here, so that a command loads only what it needs.
"""

__all__: list[str] = []
