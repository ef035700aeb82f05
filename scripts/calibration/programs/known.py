"""Takes a time that is known by construction: asleep until a moment, or computing for an amount of CPU time.

CALIBRATION_KIND is `sleep` (with noise of its own, the standard deviation of its logarithm in
CALIBRATION_NOISE) or `spin` (with the noise of the machine); CALIBRATION_SECONDS is the time meant.
"""

import math
import os
import random
import sys
import time

begun, spent = time.perf_counter(), time.process_time()
seconds = float(os.environ["CALIBRATION_SECONDS"])
if os.environ["CALIBRATION_KIND"] == "sleep":
    seconds *= math.exp(random.SystemRandom().gauss(0, float(os.environ["CALIBRATION_NOISE"])))
    while True:
        left = begun + seconds - time.perf_counter()
        if left <= 0:
            break
        time.sleep(left)
else:
    while time.process_time() < spent + seconds:
        pass
sys.stdout.write("done\n")
