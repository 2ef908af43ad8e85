"""Pictures of the real program with the practice PACS, so that those in a guide never age.

    python packaging/screenshots.py FOLDER [--program dicomgui] [--steps NAME ...]
    python packaging/screenshots.py packaging/pictures --steps open-the-window echo-the-practice-PACS read-the-trace

Starts the program with `--drive-offscreen`, which presses the window's own buttons and leaves a picture of each step,
and keeps those that are worth showing. Give another program to picture an installed one. The second line makes those of
the README anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SHOWN = (
    "open-the-window",
    "echo-the-practice-PACS",
    "query-the-practice-PACS",
    "retrieve-a-study-from-it",
    "look-at-an-instance",
    "look-at-what-was-received",
    "read-the-trace",
)
"""The steps of `dicomgui/gui/drive/run.py` whose pictures are kept."""


def command_of(program: str) -> list[str]:
    """How the program is started: by its name, or from this source tree."""
    return [program] if program else [sys.executable, "-m", "dicomgui"]


def take(program: str, folder: Path, steps: tuple[str, ...]) -> list[Path]:
    """Drive the program, and keep the pictures of some steps.

    :raises SystemExit: a step failed, or one has no picture.
    """
    environment = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    with tempfile.TemporaryDirectory(prefix="dicomgui-pictures-") as temporary:
        done = subprocess.run([*command_of(program), "--drive-offscreen", temporary], env=environment, check=False)
        if done.returncode != 0:
            raise SystemExit("screenshots: the program did not come through its steps")
        for step in steps:
            found = sorted(Path(temporary).glob(f"[0-9][0-9]-{step}.png"))
            if not found:
                raise SystemExit(f"screenshots: there is no picture of {step}")
            target = folder / f"{step.lower()}.png"
            shutil.copyfile(found[0], target)
            kept.append(target)
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description="Pictures of the real program with the practice PACS.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", default="", help="an installed one; this source tree's when left out")
    parser.add_argument("--steps", nargs="*", default=list(SHOWN))
    options = parser.parse_args()
    for path in take(options.program, options.folder, tuple(options.steps)):
        print(f"screenshots: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
