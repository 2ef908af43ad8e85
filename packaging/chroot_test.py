"""Install, use, upgrade and remove the .deb in a clean Debian 13, as a user would.

    sudo python3 packaging/chroot_test.py PACKAGE.deb [--base FOLDER] [--shots FOLDER]

Makes a Debian with debootstrap (or copies the one in FOLDER, which is made where it is missing), installs the package
with apt, which has to find everything that it depends on, and then: the self-test, the command line, and the window
under Xvfb, with clicks of xdotool: the practice PACS is started by its button and echoed from outside. The program runs
as an ordinary user and without any network but its own loopback. The package is upgraded from an older version, and
removed; nothing may be left. What was mounted is unmounted again, whatever happens.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SUITE = "trixie"
TOOLS = "xvfb xauth xdotool imagemagick desktop-file-utils shared-mime-info xdg-utils man-db bsdextrautils"
USER = "tester"


ALONE = """
import ctypes, fcntl, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x40000000):  # CLONE_NEWNET
    raise OSError(ctypes.get_errno(), "unshare")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    fcntl.ioctl(one, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Starts a program in a network of its own, that has nothing but a loopback."""


class Failed(Exception):
    """A step did not do what it should."""


def say(text: str) -> None:
    print(f"chroot_test: {text}", flush=True)


@contextmanager
def debian(base: Path | None, suite: str = SUITE) -> Iterator[Path]:
    """A clean Debian in a temporary folder, with what programs expect to be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="dicomgui-chroot-"))
    root = folder / "root"
    mounted: list[Path] = []
    try:
        made = base or root
        if not (made / "etc" / "debian_version").exists():
            command = ["debootstrap", "--variant=minbase", suite, str(made)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        if base is not None:
            subprocess.run(["cp", "-a", str(base), str(root)], check=True)
        shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
        (root / "usr" / "sbin" / "policy-rc.d").write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
        (root / "usr" / "sbin" / "policy-rc.d").chmod(0o755)
        for kind, name in (("proc", "proc"), ("devpts", "dev/pts"), ("tmpfs", "dev/shm"), ("tmpfs", "tmp")):
            (root / name).mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", kind, kind, str(root / name)], check=True)
            mounted.append(root / name)
        (root / "tmp").chmod(0o1777)
        yield root
    finally:
        end_programs(root)
        for place in reversed(mounted):
            subprocess.run(["umount", "-l", str(place)], check=False)
        if not any(os.path.ismount(place) for place in mounted):
            shutil.rmtree(folder, ignore_errors=True)


def end_programs(root: Path) -> None:
    """End what still runs in the chroot: what has it as its root, and nothing else."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "root").readlink() == root:
                os.kill(int(process.name), 9)
        except OSError:
            continue


def inside(root: Path, command: str, *, user: bool = False, check: bool = True) -> str:
    """Run a shell command in the chroot; gives what it printed.

    :param user: as an ordinary user and without a network, which is how the program itself is tried.
    """
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    alone = [sys.executable, "-c", ALONE] if user else []
    as_user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"] if user else []
    environment |= {"HOME": f"/home/{USER}" if user else "/root"}
    done = subprocess.run(
        [*alone, "chroot", str(root), *as_user, "sh", "-c", command],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    if check and done.returncode != 0:
        raise Failed(f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def expect(holds: bool, text: str) -> None:
    if not holds:
        raise Failed(text)


def older(package: Path, root: Path) -> None:
    """The same package as version 0.0.1, uncompressed: what is upgraded."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True)
        control = tree / "DEBIAN" / "control"
        lines = control.read_text(encoding="utf-8").splitlines()
        lines = ["Version: 0.0.1-1" if line.startswith("Version:") else line for line in lines]
        control.write_text("\n".join(lines) + "\n", encoding="utf-8")
        (tree / "usr" / "lib" / "dicomgui" / "only-in-the-older-one").write_text("", encoding="utf-8")
        subprocess.run(["dpkg-deb", "-Znone", "-b", str(tree), str(root / "root" / "older.deb")], check=True)


def step_install(root: Path, package: Path) -> None:
    shutil.copy(package, root / "root" / "new.deb")
    older(package, root)
    inside(root, "apt-get update -q")
    before = inside(root, "dpkg-query -W -f '${Package}\\n'").split()
    inside(root, "apt-get install -y -q --no-install-recommends /root/older.deb")
    needed = sorted(set(inside(root, "dpkg-query -W -f '${Package}\\n'").split()) - set(before) - {"dicomgui"})
    say(f"apt brought {len(needed)} packages beside it")
    inside(root, f"useradd -m -u 1000 {USER}")
    # With nothing but what the package asks for.
    print(inside(root, "dicomgui --selftest", user=True), flush=True)
    expect((root / "usr/lib/dicomgui/only-in-the-older-one").exists(), "the older version was not installed")


def step_upgrade(root: Path) -> None:
    settings = root / "home" / USER / ".config" / "dicomgui" / "settings.toml"
    inside(root, "mkdir -p ~/.config/dicomgui; printf 'version = 1\\n' >~/.config/dicomgui/settings.toml", user=True)
    inside(root, "apt-get install -y -q --no-install-recommends /root/new.deb")
    expect(not (root / "usr/lib/dicomgui/only-in-the-older-one").exists(), "a file of the older version is still there")
    expect(settings.read_text(encoding="utf-8") == "version = 1\n", "the upgrade changed the user's settings")
    version = inside(root, "dicomgui --version", user=True).split()[-1]
    shown = inside(root, "dpkg-query -W -f '${Version}' dicomgui")
    expect(shown == f"{version}-1", f"the package says {shown}, the program {version}")


def step_command_line(root: Path) -> None:
    script = """
    set -e
    dicomgui practice --port 11190 >practice.log 2>&1 & server=$!
    for i in $(seq 100); do dicomgui echo PRACTICE@127.0.0.1:11190 >echo.log 2>&1 && break; sleep 0.2; done
    cat echo.log
    dicomgui find PRACTICE@127.0.0.1:11190 -k 'PatientName=*' --limit 2 || true
    dicomgui get PRACTICE@127.0.0.1:11190 -k 'PatientName=*' --out got >/dev/null
    ls -R got | grep -c dcm
    dicomgui echo PRACTICE@127.0.0.1:11190 --trace echo.dgtrace >/dev/null
    dicomgui trace show echo.dgtrace | head -3
    kill -INT $server; wait $server || true
    """
    print(inside(root, f"cd\n{script}", user=True), flush=True)
    expect((root / "usr/share/man/man1/dicomgui.1.gz").exists(), "there is no manual page")
    texts = inside(root, "ls /usr/share/doc/dicomgui/licences/")
    expect("LGPL-3.0.txt" in texts and "NOTICES.md" in texts, "there are no licences")


def step_service(root: Path) -> None:
    """What the systemd unit starts, as systemd would: there is none in a chroot."""
    unit = (root / "usr/lib/systemd/user/dicomgui-listen.service").read_text(encoding="utf-8")

    def said_by(pattern: str) -> str:
        found = re.search(pattern, unit, re.MULTILINE)
        if found is None:
            raise Failed(f"the unit has nothing like {pattern}")
        return found[1]

    usual = said_by(r'^Environment="DICOMGUI_LISTEN=(.*)"$').replace("%h", f"/home/{USER}")
    started = said_by(r"^ExecStart=(.*)$").replace("$DICOMGUI_LISTEN", usual)
    ended_by = said_by(r"^KillSignal=SIG(\w+)$")
    script = f"""
    {started} >service.log 2>&1 & server=$!
    for i in $(seq 100); do dicomgui echo DICOMGUI@127.0.0.1:11112 >echo.log 2>&1 && break; sleep 0.2; done
    kill -{ended_by} $server; wait $server && echo "ended in order"
    grep -c "^" service.log
    """
    said = inside(root, f"cd\n{script}", user=True)
    expect("ended in order" in said, f"the service did not end in order: {said}")
    expect((root / "home" / USER / ".local/share/dicomgui/received").is_dir(), "it did not make its folder")


def step_machine_wide(root: Path) -> None:
    """A list of nodes that the administrator has laid out for everybody."""
    nodes = root / "etc" / "xdg" / "dicomgui" / "nodes.toml"
    nodes.parent.mkdir(parents=True)
    nodes.write_text(NODES, encoding="utf-8")
    script = """
    dicomgui practice --port 11191 >practice.log 2>&1 & server=$!
    for i in $(seq 100); do dicomgui echo Archive >echo.log 2>&1 && break; sleep 0.2; done
    dicomgui echo Archive && echo "reached by its name"
    kill -INT $server; wait $server
    """
    said = inside(root, f"cd\n{script}", user=True, check=False)
    print(said, flush=True)
    expect("reached by its name" in said, "the node for everybody is not known")
    shutil.rmtree(nodes.parent)


NODES = """version = 1

[[node]]
name = "Archive"
ae_title = "PRACTICE"
host = "127.0.0.1"
port = 11191
"""
SETTINGS = """version = 1

[listener]
ae_title = "WARD3"
port = 11199
check_called_ae = true
"""
"""Laid out before the window is opened for the first time."""


def step_desktop(root: Path) -> None:
    inside(root, f"apt-get install -y -q --no-install-recommends {TOOLS}")
    inside(root, "update-desktop-database -q && update-mime-database /usr/share/mime")
    expect("DICOMGUI(1)" in inside(root, "man dicomgui | col -b | head -1"), "the manual page is not shown")
    answer = inside(root, "xdg-mime query default application/dicom", user=True).strip()
    expect(answer == "org.dicomgui.dicomgui.desktop", f"application/dicom is opened by {answer or 'nothing'}")
    own = root / "home" / USER / ".config" / "mimeapps.list"
    expect(not own.exists(), "it made itself the user's choice for DICOM files")


def step_window(root: Path, shots: Path | None) -> None:
    """Open it with settings from the start, click at the practice PACS's button, start the listener by keys.

    From outside one sees that both answer.
    """
    (root / "home" / USER / ".config" / "dicomgui" / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    script = """
    set -e
    cd
    Xvfb :77 -screen 0 1280x800x24 >xvfb.log 2>&1 & screen=$!
    export DISPLAY=:77
    for i in $(seq 100); do xdotool getdisplaygeometry >/dev/null 2>&1 && break; sleep 0.1; done
    start=$(date +%s%N)
    dicomgui >window.log 2>&1 & program=$!
    window=$(timeout 60 xdotool search --sync --onlyvisible --name '^dicomgui$' | tail -1)
    echo "window after $(( ($(date +%s%N) - start) / 1000000 )) ms"
    xdotool windowsize --sync $window 1280 800 || true
    xdotool windowmove $window 0 0
    sleep 2
    import -window root 1-window.png
    x=X_OF_BUTTON; y=Y_OF_BUTTON
    xdotool mousemove $x $y click 1
    answered=no
    for i in $(seq 150); do
        if dicomgui echo PRACTICE@127.0.0.1:11113 >echo.log 2>&1; then answered=yes; break; fi; sleep 0.2
    done
    sleep 1
    import -window root 2-practice.png
    xdotool key ctrl+4; sleep 1; import -window root 3-send.png
    xdotool key ctrl+8; sleep 1; xdotool key F5
    listens=no
    for i in $(seq 50); do
        if dicomgui echo WARD3@127.0.0.1:11199 >echo.log 2>&1; then listens=yes; break; fi; sleep 0.2
    done
    import -window root 4-listener.png
    xdotool key ctrl+0; sleep 1; import -window root 5-trace.png
    xdotool key ctrl+1; sleep 0.5
    kill -TERM $program; wait $program || echo "the window ended with $?"
    kill $screen
    cat window.log
    echo "answered: $answered, listens: $listens"
    """
    x, y = BUTTON
    said = inside(root, script.replace("X_OF_BUTTON", str(x)).replace("Y_OF_BUTTON", str(y)), user=True)
    print(said, flush=True)
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
        for picture in (root / "home" / USER).glob("*.png"):
            shutil.copy(picture, shots / picture.name)
    expect("answered: yes" in said, "the practice PACS does not answer after a click at its button")
    expect("listens: yes" in said, "the listener does not answer as the settings from the start say")
    expect("the window ended with" not in said, "the window did not end in order")


BUTTON = (235, 299)
"""Where the button that starts the practice PACS is, in a window of 1280 × 800."""


def expect_nothing_left(root: Path) -> None:
    """Of the package; what the user has, and what package managers write down, may stay."""
    elsewhere = " ".join(f"-not -path '/{name}/*'" for name in ("proc", "root", "home", "var/log", "var/cache", "tmp"))
    left = inside(root, f"find / -xdev -iname '*dicomgui*' {elsewhere} 2>/dev/null", check=False).split()
    expect(not left, f"these are left: {' '.join(left)}")


def step_remove(root: Path) -> None:
    inside(root, "apt-get purge -y -q dicomgui")
    expect_nothing_left(root)
    expect((root / "home" / USER / ".config" / "dicomgui").exists(), "the user's settings were removed")


def play(steps: Sequence[tuple[str, Callable[[], None]]]) -> int:
    """Take one step after the other up to the first that fails; gives the exit code."""
    for name, step in steps:
        started = time.monotonic()
        try:
            step()
        except (Failed, subprocess.SubprocessError) as error:
            say(f"FAILED {name}: {error}")
            return 1
        say(f"ok     {name} ({time.monotonic() - started:.0f} s)")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Try the .deb in a clean Debian.")
    parser.add_argument("package", type=Path)
    parser.add_argument("--base", type=Path, help="a Debian to copy; made where it is missing")
    parser.add_argument("--shots", type=Path, help="where pictures of the window go")
    options = parser.parse_args()
    if os.geteuid() != 0:
        say("it has to run as root: it mounts and changes roots")
        return 1
    with debian(options.base) as root:
        steps = (
            ("install", lambda: step_install(root, options.package)),
            ("upgrade", lambda: step_upgrade(root)),
            ("command line", lambda: step_command_line(root)),
            ("service", lambda: step_service(root)),
            ("machine-wide", lambda: step_machine_wide(root)),
            ("desktop", lambda: step_desktop(root)),
            ("window", lambda: step_window(root, options.shots)),
            ("remove", lambda: step_remove(root)),
        )
        return play(steps)


if __name__ == "__main__":
    sys.exit(main())
