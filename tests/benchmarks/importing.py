"""What rules from elsewhere cost: how long they take to import, and to load, and what memory they need once loaded.

``python -m tests.benchmarks import``: generated rules go out as FortiSIEM's XML, come back by ``rules import``, and are
loaded by a process that does nothing else, as a worker does at its start.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from tests.benchmarks.machine import ROOT, machine, place
from tests.benchmarks.rulefolders import write_folder
from tests.benchmarks.sigma_rules import sigma_rules

LOADS = """
import json, re, sys, time
from pathlib import Path
from stream_app.engine.detect import Detector
from stream_app.rulebook.load import load_rulebook
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
before, began = resident(), time.monotonic()
detector = Detector(load_rulebook(Path(sys.argv[1])))
print(json.dumps({"seconds": time.monotonic() - began, "before": before, "after": resident()}))
"""
"""What the loading process runs; memory is what is resident, in KiB."""


class Loaded(Struct):
    """How long loading took, s, and the memory before and after it, KiB."""

    seconds: float
    before: int
    after: int


def run(*words: str) -> bytes:
    """Run a program to its end. Raises ClickException with what it said where it fails."""
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise click.ClickException(done.stderr.decode() + done.stdout.decode()[-2000:])
    return done.stdout


@click.command("import")
@click.option("--rules", "count", type=click.IntRange(1), default=2000, show_default=True, help="So many.")
def main(count: int) -> None:
    """Import and load generated rules of Sigma's mix; print seconds and memory."""
    with tempfile.TemporaryDirectory(prefix="import-") as temporary:
        folder = Path(temporary)
        own = write_folder(folder / "own", sigma_rules(count))
        xml, out = str(folder / "rules.xml"), folder / "imported"
        run("-m", "stream_app", "rules", "export", "--fortisiem-xml", str(own), "-o", xml)
        began = time.monotonic()
        run("-m", "stream_app", "rules", "import", xml, "-o", str(out))
        took = time.monotonic() - began
        loaded = msgspec.json.decode(run("-c", LOADS, str(out)), type=Loaded)
        there = sum(1 for _ in out.glob("*/*.toml"))
    memory = (loaded.after - loaded.before) / 1024
    click.echo(
        "| rules | imported in s | loaded in s | memory for them, MiB | KiB a rule |\n| --- | --- | --- | --- | --- |"
    )
    click.echo(f"| {there:,} | {took:.1f} | {loaded.seconds:.1f} | {memory:.0f} | {memory * 1024 / there:.0f} |")
    click.echo(f"\n{place(machine())}.")
