"""The in-process probe: runs a Python script as if it were not there and says where its time went.

Started as ``python -m threadgauge_probe script.py ...`` with its orders in the variable
``THREADGAUGE_PROBE``; see ``__main__``. Only the standard library is used; Python 3.9 or newer.
"""
