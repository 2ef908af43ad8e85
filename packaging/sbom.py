"""What is in a bundle, as a list for machines (SBOM) in the format CycloneDX 1.6.

    python packaging/sbom.py BUNDLE PYTHON FILE

It lists the same works as the licences beside the program (`notices.py`): the packages of Python that went in, Python
itself, and the libraries of the system; not the tools that only made the bundle. The same source makes the same file.
"""

from __future__ import annotations

import json
import platform
import sys
import uuid
from pathlib import Path
from time import gmtime, strftime

from linux_packages import built_at, version_of_source
from notices import Notice, of_debian_packages, of_python, of_python_packages

NAMESPACE = uuid.UUID("6f0ca4ce-7a0c-5f0e-9a57-53a1d6d6a1b5")


def system() -> str:
    """Whose packages a library of the system comes from, such as ``debian`` or ``ubuntu``."""
    try:
        return platform.freedesktop_os_release().get("ID", "debian")
    except OSError:
        return "debian"


def component(notice: Notice, kind: str) -> dict[str, object]:
    """One work.

    :param kind: of the package URL: ``pypi``, ``deb`` or ``generic``.
    """
    name = notice.name.lower().replace("_", "-") if kind == "pypi" else notice.name
    place = f"deb/{system()}/{name}" if kind == "deb" else f"{kind}/{name}"
    url = f"pkg:{place}@{notice.version.replace('+', '%2B').replace(':', '%3A')}"
    made: dict[str, object] = {
        "type": "library", "bom-ref": url, "name": notice.name, "version": notice.version, "purl": url,
    }  # fmt: skip
    if kind != "deb" and notice.licence:
        made["licenses"] = [{"license": {"name": " ".join(notice.licence.split())}}]
    return made


def bill(bundle: Path, python: Path) -> dict[str, object]:
    """The whole list."""
    version = version_of_source()
    works = [component(notice, "pypi") for notice in of_python_packages(python)]
    works.append(component(of_python(python)._replace(name="python"), "generic"))
    works += [component(notice, "deb") for notice in of_debian_packages(bundle, python)]
    works.sort(key=lambda one: str(one["bom-ref"]))
    ours = f"pkg:generic/dicomgui@{version}"
    told = {
        "timestamp": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(built_at())),
        "component": {
            "type": "application", "bom-ref": ours, "name": "dicomgui", "version": version,
            "licenses": [{"license": {"id": "MIT"}}],
        },
    }  # fmt: skip
    refs = [work["bom-ref"] for work in works]
    made = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "version": 1, "metadata": told, "components": works, "dependencies": [{"ref": ours, "dependsOn": refs}],
    }  # fmt: skip
    return {**made, "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, json.dumps(made))}"}


def write(bundle: Path, python: Path, file: Path) -> int:
    """Write the list; gives how many works are in it."""
    made = bill(bundle, python)
    file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    works = made["components"]
    assert isinstance(works, list)
    return len(works)


if __name__ == "__main__":
    print(f"sbom: {write(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))} works")
