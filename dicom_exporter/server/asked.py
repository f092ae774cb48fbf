"""What the signals of a serving process ask for: to stop, to stop at once, to reload."""

import asyncio
import signal

from dicom_exporter import signals


class Asked:
    """Made inside of the event loop, before anything is loaded: from then on the signals have their meaning.

    SIGTERM or SIGINT sets `stop`, and the next one `stop_now`. SIGHUP sets `reload`.
    """

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.stop_now = asyncio.Event()
        self.reload = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._on_stop)
            loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        except (NotImplementedError, AttributeError):
            pass  # Windows: there is no SIGHUP, and Ctrl-C cancels the main task, which ends the same way
        signals.release()

    def _on_stop(self) -> None:
        (self.stop_now if self.stop.is_set() else self.stop).set()
