"""Entry of ``python -m threadgauge_probe SCRIPT …`` and ``python -m threadgauge_probe -m MODULE …``."""

from threadgauge_probe.launch import main

if __name__ == "__main__":
    main()
