"""Entry of ``python -m threadgauge_probe SCRIPT ...`` and ``python -m threadgauge_probe -m MODULE ...``."""

import sys

if sys.version_info < (3, 9):
    # Every Python can read this file; the runner passes the sentence on.
    sys.exit("The probe of ThreadGauge needs Python 3.9 or newer; this program runs with %d.%d." % sys.version_info[:2])

from threadgauge_probe.launch import main

if __name__ == "__main__":
    main()
