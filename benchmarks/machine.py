"""What a run was made on."""

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("pushforward", "jax", "equinox", "optax", "torch", "flowjax", "distrax", "zuko", "nflows", "normflows")


def _field(path: str, name: str, separator: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, found, value = line.partition(separator)
        if found and key.strip() == name:
            return value.strip().strip('"')
    return "unknown"


def describe(threads: int) -> dict[str, str]:
    """Return the machine, the system and the versions of the libraries, as words."""
    memory = int(_field("/proc/meminfo", "MemTotal", ":").split()[0]) / (1 << 20)
    about = {
        "date": datetime.date.today().isoformat(),
        "processor": f"{_field('/proc/cpuinfo', 'model name', ':')}, {os.cpu_count()} cores, {threads} used",
        "memory": f"{memory:.0f} GiB",
        "system": f"{_field('/etc/os-release', 'PRETTY_NAME', '=')}, Python {platform.python_version()}",
    }
    for name in PACKAGES:
        try:
            about[name] = version(name)
        except PackageNotFoundError:
            about[name] = "missing: not installed"
    return about
