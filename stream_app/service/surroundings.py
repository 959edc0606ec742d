"""The machine that a worker is to run on: folders, space, ports, extras, time zones. Settings in, findings out."""

import importlib.util
import os
import shutil
import socket
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

from stream_app.kafka.finding import Finding, good, warning, wrong
from stream_app.service.settings import Settings

ROOM = 1 << 30
"""Bytes of free space below which a store on disk is warned of."""


def surroundings(settings: Settings) -> Iterator[Finding]:
    """Look at what the settings need of this machine."""
    if settings.store == "rocksdb":
        yield _extra()
        yield _folder(Path(settings.data_dir))
    if settings.health_port:
        yield _port(settings.health_host, settings.health_port, "STREAM_APP_HEALTH_PORT")
    if settings.console_port:
        yield _port(settings.console_host, settings.console_port, "STREAM_APP_CONSOLE_PORT")
    yield _zones()


def _extra() -> Finding:
    if importlib.util.find_spec("rocksdict") is None:
        says = "STREAM_APP_STORE=rocksdb, and rocksdict is not installed"
        return wrong("store", says, "pip install 'stream_app[rocksdb]'")
    return good("store", "rocksdict is installed")


def _folder(folder: Path) -> Finding:
    """Look at the folder, or at the one in which it would be made; nothing is made."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return wrong("data", f"{there} cannot be written to", "another STREAM_APP_DATA_DIR, or another owner of it")
    free = shutil.disk_usage(there).free
    if free < ROOM:
        return warning("data", f"{there} has {free >> 20:,} MiB left", "room for the rows of all partitions")
    return good("data", f"{folder}: {free >> 30:,} GiB are free")


def _port(host: str, port: int, variable: str) -> Finding:
    about = f"port {port}"
    try:
        kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        says = f"{variable} on {host} cannot be had: {error.strerror or error}"
        return warning(about, says, "fine if what uses it runs here already, or is not to run here; else another port")
    return good(about, f"{variable} on {host} is free")


def _zones() -> Finding:
    try:
        zoneinfo.ZoneInfo("Europe/Berlin")
    except zoneinfo.ZoneInfoNotFoundError:
        says = "there are no time zones on this machine: exceptions of rules that name one cannot be read"
        return warning("time zones", says, "pip install tzdata, or the system's package of that name")
    return good("time zones", "they are known")
