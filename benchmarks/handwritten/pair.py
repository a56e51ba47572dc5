"""Two workers: this thread and a second one."""

import threading
from collections.abc import Callable, Sequence

Job = Callable[[], object]


class Pair:
    """Runs two jobs side by side. Locks wake a thread sooner than what is built from them."""

    def __init__(self) -> None:
        self._job: Job = int
        self._go, self._done = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._done.acquire()
        threading.Thread(target=self._serve, daemon=True).start()

    def run(self, here: Job, there: Job) -> None:
        """Both jobs, from fork to join. Neither may raise."""
        self._job = there
        self._go.release()
        here()
        self._done.acquire()

    def _serve(self) -> None:
        while True:
            self._go.acquire()
            self._job()
            self._done.release()


def run_alone(jobs: Sequence[Job]) -> None:
    """One job after the other."""
    for job in jobs:
        job()


def make_run(workers: int) -> Callable[[Sequence[Job]], None]:
    """What runs the jobs of one worker here, or those of two side by side."""
    if workers == 1:
        return run_alone
    pair = Pair()
    return lambda jobs: pair.run(*jobs)
