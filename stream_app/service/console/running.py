"""A console from its start to its end: settings in, a page on an address out, until it is told to stop."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable

from aiohttp import web

from stream_app.service import parts
from stream_app.service.console.feed import Batch, Feed
from stream_app.service.console.probe import Look, Probe
from stream_app.service.console.rules import RulesShown
from stream_app.service.console.server import Server
from stream_app.service.console.watch import Watch
from stream_app.service.settings import Settings

log = logging.getLogger(__name__)

FIRST = 3.0
"""Seconds that the page waits for published rules, that it need not begin without."""


class ConsoleUnavailable(Exception):
    """The address cannot be listened on; the message names it."""


async def run_console(settings: Settings, since: int | None, began: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. ``since`` is in ms since 1970, None for all; ``began`` is told the page's address.

    Raises ConsoleUnavailable, and LanguageError for a folder of rules that cannot be read.
    """
    rules = await asyncio.to_thread(RulesShown, settings)
    watch, loop = Watch(), asyncio.get_running_loop()
    names = parts.names(settings)
    connection = parts.connection(settings)

    def hand_over(batch: Batch) -> None:
        """Give a batch to the loop, and wait until it has it: reading goes no faster than that."""
        asyncio.run_coroutine_threadsafe(_take(watch, batch, feed), loop).result(60)

    def tell(look: Look) -> None:
        loop.call_soon_threadsafe(watch.look, look)

    feed = Feed(connection, names.incidents, since, hand_over)
    probe = Probe(connection, settings.app_id, (names.sysmon, names.matches), tell, names.incidents)
    server = Server(settings, watch, rules)
    runner = web.AppRunner(server.app(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    await runner.setup()
    rules.start()
    try:
        await asyncio.to_thread(rules.begun.wait, FIRST)
        await _listen(runner, settings)
        host, port = runner.addresses[0][:2]
        began(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        feed.start()
        probe.start()
        await stop.wait()
    finally:
        await runner.cleanup()
        await asyncio.gather(*(asyncio.to_thread(each.stop) for each in (feed, probe, rules)))
        server.close()


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    host, port = settings.console_host, settings.console_port
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConsoleUnavailable(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


async def _take(watch: Watch, batch: Batch, feed: Feed) -> None:
    watch.take(batch, feed.behind)
    await asyncio.sleep(0)


def hours_ago(hours: float) -> int:
    """Give the time so many hours ago, in ms since 1970."""
    return int((time.time() - hours * 3600) * 1000)
