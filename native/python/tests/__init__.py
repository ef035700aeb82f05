"""Tests of the probe; run with `python3 -m unittest discover -s native/python -t native/python`."""
