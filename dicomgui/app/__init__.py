"""Use cases: what the window and the command line do, without Qt and without sockets.

What all of them share stands here: the context, connections, jobs, echo. The rest has rooms of its own, from
:mod:`~dicomgui.app.configuration` and :mod:`~dicomgui.app.files` to :mod:`~dicomgui.app.practice`. Nothing is imported
here, so that a command loads only what it needs.
"""
