"""How the disk image looks; read by dmgbuild, which defines ``defines``."""

app = defines["app"]  # noqa: F821
files = [app]
symlinks = {"Applications": "/Applications"}
icon_locations = {"dicomgui.app": (140, 120), "Applications": (420, 120)}
window_rect = ((200, 200), (560, 320))
default_view = "icon-view"
format = "UDZO"
