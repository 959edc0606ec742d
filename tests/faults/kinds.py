"""The kinds of fault, each a script over a stage while the load runs."""

import random
import time
from collections.abc import Callable

from tests.faults.stage import SESSION, Stage

Script = Callable[[Stage, random.Random, int], None]
"""Does its fault so many times."""


def _pause(seconds: float) -> None:
    time.sleep(seconds)  # what happens in between is the load; there is no condition to wait for


def kill(stage: Stage, chance: random.Random, times: int) -> None:
    """SIGKILL one worker, start it again at once."""
    for _ in range(times):
        _pause(chance.uniform(3, 6))
        worker = chance.choice(stage.workers)
        stage.fault()
        worker.kill()
        worker.restart()


def take_over(stage: Stage, chance: random.Random, times: int) -> None:
    """SIGKILL one worker; another one takes over; it comes back much later."""
    for _ in range(times):
        _pause(chance.uniform(3, 5))
        worker = chance.choice(stage.workers)
        stage.fault()
        worker.kill()
        _pause(SESSION + 6)
        worker.restart()


def terminate(stage: Stage, chance: random.Random, times: int) -> None:
    """SIGTERM one worker, wait for its end, start it again."""
    for _ in range(times):
        _pause(chance.uniform(3, 6))
        worker = chance.choice(stage.workers)
        stage.fault()
        worker.terminate()
        worker.restart()


def join_and_leave(stage: Stage, chance: random.Random, times: int) -> None:
    """Start one more worker, then stop one for good: two rebalances."""
    for _ in range(max(1, times // 2)):
        _pause(chance.uniform(2, 4))
        stage.fault()
        stage.worker()
        _pause(chance.uniform(4, 7))
        stage.fault()
        leaving = stage.workers.pop(chance.randrange(len(stage.workers)))
        leaving.terminate()


def freeze(stage: Stage, chance: random.Random, times: int) -> None:
    """SIGSTOP one worker for longer than its session, then SIGCONT: its partitions have had another owner."""
    for _ in range(times):
        _pause(chance.uniform(2, 4))
        worker = chance.choice(stage.workers)
        stage.fault()
        worker.pause()
        _pause(SESSION + chance.uniform(3, 6))
        worker.resume()
        _pause(3)
        stage.keep_alive()


def broker_crash(stage: Stage, chance: random.Random, times: int) -> None:
    """SIGKILL the broker, start it again."""
    for _ in range(times):
        _pause(chance.uniform(3, 6))
        stage.fault()
        broker = stage.ground.brokers[0]
        broker.kill()
        _pause(chance.uniform(0.5, 3))
        broker.start()
        stage.keep_alive()


def early_kill(stage: Stage, chance: random.Random, times: int) -> None:
    """SIGKILL the workers before they have committed anything."""
    for _ in range(times):
        for worker in stage.workers:
            stage.fault()
            worker.kill()
            worker.restart()
        _pause(chance.uniform(1.5, 3.5))


def one_of_three(stage: Stage, chance: random.Random, times: int) -> None:
    """SIGKILL one broker of the cluster, so that leaders move; start it again, so that they move back."""
    for _ in range(times):
        _pause(chance.uniform(3, 6))
        stage.fault()
        broker = chance.choice(stage.ground.brokers)
        broker.kill()
        _pause(chance.uniform(4, 7))
        broker.start()
        stage.fault()
        _pause(6)  # in which the controller moves them back
        stage.keep_alive()


def nothing(stage: Stage, chance: random.Random, times: int) -> None:
    """No fault: what a run is like."""
    del stage, chance
    _pause(3.0 * times)


KINDS: dict[str, Script] = {
    "none": nothing,
    "kill": kill,
    "take-over": take_over,
    "terminate": terminate,
    "join-leave": join_and_leave,
    "freeze": freeze,
    "broker": broker_crash,
    "never-committed": early_kill,
    "discard": kill,
    "slow-recovery": join_and_leave,
    "cluster": one_of_three,
}
SECONDS = {
    "none": 3.0,
    "kill": 6.0,
    "take-over": 17.0,
    "terminate": 8.0,
    "join-leave": 7.0,
    "freeze": 19.0,
    "broker": 14.0,
    "never-committed": 4.0,
    "discard": 6.0,
    "slow-recovery": 7.0,
    "cluster": 26.0,
}
"""How long one fault of a kind takes at most, for the load to last as long."""
