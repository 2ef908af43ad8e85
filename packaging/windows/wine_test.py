"""Compile the installer for Windows with a stand-in for the program, and install and uninstall it under wine.

    python packaging/windows/wine_test.py [FOLDER]

Says what it tried. Without makensis it fails; without wine only the script is compiled. The stand-in is two files that
do nothing: what is tried is the script, not the program.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "packaging" / "windows" / "dicomgui.nsi"


def expect(holds: bool, text: str) -> None:
    if not holds:
        raise SystemExit(f"wine_test: FAILED: {text}")


def compile_setup(folder: Path, version: str, *defines: str) -> Path:
    payload = folder / f"payload-{version}"
    (payload / "_internal").mkdir(parents=True)
    shutil.copy(ROOT / "LICENSE", payload / "_internal" / "LICENSE")
    (payload / "_internal" / f"only-{version}").write_text("", encoding="utf-8")
    for name in ("dicomgui.exe", "dicomgui-gui.exe"):
        (payload / name).write_bytes(b"MZ")
    setup = folder / f"dicomgui-{version}-setup.exe"
    command = ["makensis", "-V2", "-WX", f"-DVERSION={version}", f"-DBUNDLE={payload}", f"-DOUT={setup}", *defines]
    subprocess.run([*command, str(SCRIPT)], check=True)
    return setup


class Wine:
    """A Windows of its own, in a folder."""

    def __init__(self, folder: Path) -> None:
        (folder / "home").mkdir()
        keep = ("PATH", "LANG", "LC_ALL")
        self.environment = {name: os.environ[name] for name in keep if name in os.environ}
        self.environment |= {"WINEPREFIX": str(folder / "wine"), "WINEDEBUG": "-all", "HOME": str(folder / "home")}
        self.drive = folder / "wine" / "drive_c"
        subprocess.run(["wineboot", "-i"], env=self.environment, check=True, capture_output=True, timeout=300)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["wine", *command], env=self.environment, capture_output=True, text=True, errors="replace", timeout=300,
            check=False,
        )  # fmt: skip

    def knows(self, key: str, value: str = "") -> bool:
        """Whether the registry has a key, or a value of it."""
        return self.run("reg", "query", key, *(["/v", value] if value else [])).returncode == 0

    def find(self, name: str) -> list[Path]:
        return sorted(self.drive.rglob(name))


def try_user(wine: Wine, old: Path, new: Path) -> None:
    """For one user: install, upgrade, uninstall."""
    classes = r"HKCU\Software\Classes"
    expect(wine.run(str(old), "/S").returncode == 0, "the installer does not run")
    expect(len(wine.find("only-0.0.1")) == 1, "nothing was installed")
    expect(wine.run(str(new), "/S").returncode == 0, "the newer installer does not run")
    expect(not wine.find("only-0.0.1"), "a file of the older version is still there")
    (program,) = wine.find("dicomgui-gui.exe")
    expect("AppData" in str(program), f"it was not installed for the user alone, but in {program}")
    expect(len(wine.find("dicomgui.lnk")) == 1, "it is not in the start menu")
    expect(wine.knows(rf"{classes}\.dcm\OpenWithProgids", "dicomgui.dicom"), "it is not offered for .dcm")
    chosen = wine.run("reg", "query", rf"{classes}\.dcm", "/ve").stdout
    expect("dicomgui" not in chosen, "it seized .dcm")
    wine.run(str(program.with_name("uninstall.exe")), "/S", f"_?=C:{_windows(wine, program.parent)}")
    expect(not wine.find("dicomgui-gui.exe"), "the program is still there")
    expect(not wine.find("dicomgui.lnk"), "it is still in the start menu")
    expect(not wine.knows(rf"{classes}\.dcm\OpenWithProgids", "dicomgui.dicom"), "it is still offered for .dcm")
    expect(not wine.knows(rf"{classes}\dicomgui.dicom"), "its class is still there")


def try_machine(wine: Wine, new: Path) -> None:
    """For all users."""
    expect(wine.run(str(new), "/S", "/ALLUSERS").returncode == 0, "the installer does not run")
    (program,) = wine.find("dicomgui-gui.exe")
    expect("Program Files" in str(program), f"it was not installed for all, but in {program}")
    key = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\dicomgui"
    expect(wine.knows(key, "QuietUninstallString"), "it cannot be uninstalled from the settings of Windows")
    wine.run(str(program.with_name("uninstall.exe")), "/S", "/ALLUSERS", f"_?=C:{_windows(wine, program.parent)}")
    expect(not wine.find("dicomgui-gui.exe"), "the program is still there")
    expect(not wine.knows(key), "it is still among the installed programs")


def _windows(wine: Wine, folder: Path) -> str:
    return "\\" + "\\".join(folder.relative_to(wine.drive).parts)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="dicomgui-wine-") as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        wide = ["-DX64"] if Path("/usr/share/nsis/Stubs/zlib-amd64-unicode").exists() else []
        old, new = compile_setup(folder, "0.0.1", *wide), compile_setup(folder, "0.0.2", *wide)
        print("wine_test: compiled without a warning", flush=True)
        if shutil.which("wine") is None:
            print("wine_test: there is no wine: neither installed nor uninstalled", flush=True)
            return 0
        wine = Wine(folder)
        try_user(wine, old, new)
        print("wine_test: installed, upgraded and uninstalled for a user", flush=True)
        try_machine(wine, new)
        print("wine_test: installed and uninstalled for all users", flush=True)
        subprocess.run(["wineserver", "-w"], env=wine.environment, check=False, timeout=60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
