"""Where several instances of a program wait for each other, so that they work at the same time."""

import mmap
import time

# A wait that no instance ends; the runner's own limit comes long before.
_LONGEST_S = 86400.0
_FIRST_PAUSE_S = 0.0002
_LONGEST_PAUSE_S = 0.005


def meet(path, index, count, wait, errors):
    """Marks instance ``index`` as arrived in the file at ``path`` and, with ``wait``, returns when all ``count`` are.

    The file has one byte for each. Waiting sleeps: a spinning instance would slow down those still on their way.
    """
    try:
        with open(path, "r+b") as stream:
            with mmap.mmap(stream.fileno(), count) as arrived:
                arrived[index] = 1
                limit = time.monotonic() + _LONGEST_S
                pause = _FIRST_PAUSE_S
                while wait and bytes(arrived[:]).count(0) and time.monotonic() < limit:
                    time.sleep(pause)
                    pause = min(pause * 1.5, _LONGEST_PAUSE_S)
    except (OSError, ValueError, IndexError) as error:
        # Nobody is waited for; the times tell how far the work overlapped.
        errors.append("The instances could not wait for each other: %s." % error)
