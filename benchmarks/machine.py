"""What a run was made on."""

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("pushforward", "jax", "equinox", "optax", "torch", "flowjax", "distrax", "zuko", "nflows", "normflows")


def _field(path: str, name: str, separator: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, found, value = line.partition(separator)
        if found and key.strip() == name:
            return value.strip().strip('"')
    return "unknown"


def _gpu() -> str:
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    name, memory, driver = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(",")[:3]
    return f"{name.strip()}, {memory.strip()}, driver {driver.splitlines()[0].strip()}"


def describe(threads: int, gpu: bool) -> dict[str, str]:
    """Return the machine, the system and the versions of the libraries, as words."""
    memory = int(_field("/proc/meminfo", "MemTotal", ":").split()[0]) / (1 << 20)
    about = {
        "date": datetime.date.today().isoformat(),
        "processor": f"{_field('/proc/cpuinfo', 'model name', ':')}, {os.cpu_count()} cores, {threads} used",
        "memory": f"{memory:.0f} GiB",
        "system": f"{_field('/etc/os-release', 'PRETTY_NAME', '=')}, Python {platform.python_version()}",
    }
    if gpu:
        about["gpu"] = _gpu()
    for name in PACKAGES:
        try:
            about[name] = version(name)
        except PackageNotFoundError:
            about[name] = "missing: not installed"
    return about
