"""The window: all the Qt code there is.

Each panel has a room of its own, with its models and its widgets. Below them stands what they share, from
:mod:`~dicomgui.gui.running` and :mod:`~dicomgui.gui.widgets` to :mod:`~dicomgui.gui.panels`; above them
:mod:`~dicomgui.gui.shell`, which puts them together. Nothing is imported here nor in a room's ``__init__``, so that the
window opens without the panels that nobody has asked for.
"""
