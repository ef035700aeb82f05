"""Instances of one trial begin their work together, and settings of torch are in force from its import on."""

import importlib.util
import json
import os
import time

from tests.support import ProbeTest

HAS_TORCH = importlib.util.find_spec("torch") is not None


class BarrierTest(ProbeTest):
    def instances(self, script, count):
        self.write("s.py", script)
        path = os.path.join(self.folder, "barrier")
        with open(path, "wb") as stream:
            stream.write(bytes(count))
        return path, lambda index: {"path": path, "index": index, "count": count}

    def test_regions_begin_together_although_imports_do_not_end_together(self):
        self.write("slow.py", "import os, time\ntime.sleep(float(os.environ['NAP']))\n")
        path, place = self.instances("import slow\nimport time\ntime.sleep(0.05)\n", 2)
        processes = []
        for index, nap in enumerate(("0.0", "0.6")):
            processes.append(self.start("s.py", mode="region", env=dict(self.environment(), NAP=nap), barrier=place(index)))
        for process in processes:
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0)
        with open(self.out, encoding="utf-8") as stream:
            report = json.load(stream)
        self.assertIsNone(report["error"])
        region = report["region"]
        self.assertLess(region["end_ns"] - region["start_ns"], 400_000_000, "the wait is not part of the region")
        with open(path, "rb") as stream:
            self.assertEqual(stream.read(), b"\1\1")
        os.unlink(self.out)

    def test_an_instance_that_ends_before_its_region_is_not_waited_for(self):
        path, place = self.instances("import sys\nif len(sys.argv) > 1: sys.exit(0)\nimport time\n", 2)
        first = self.start("s.py", mode="region", barrier=place(0))
        time.sleep(0.3)
        self.assertIsNone(first.poll(), "it waits for the other")
        self.finish(self.start("s.py", "away", mode="region", barrier=place(1)))
        out, err = first.communicate(timeout=30)
        self.assertEqual((first.returncode, err), (0, ""))

    def test_without_the_file_nobody_waits(self):
        self.write("s.py", "import time\n")
        result = self.probe("s.py", mode="region", barrier={"path": os.path.join(self.folder, "none"), "index": 0, "count": 2})
        self.assertIn("could not wait for each other", result.report["error"])
        self.assertIsNotNone(result.report["region"])


class TorchTest(ProbeTest):
    def setUp(self):
        super().setUp()
        if not HAS_TORCH:
            self.skipTest("torch is not installed")

    def test_the_threads_between_operations_are_set_once_and_kept(self):
        self.write("s.py", "import torch\ntorch.set_num_interop_threads(5)\nprint(torch.get_num_interop_threads())\n")
        self.assertEqual(self.probe("s.py", mode="region", torch_num_interop_threads=3).out, "3\n")

    def test_nonsense_still_gets_its_error(self):
        self.write("s.py", "import torch\ntorch.set_num_interop_threads('a')\n")
        self.assertIn("expects an int", self.probe("s.py", mode="region", torch_num_interop_threads=3).err)

    def test_denormal_numbers_are_flushed_from_the_import_on(self):
        self.write("s.py", "import torch\nprint(float(torch.tensor([1e-39]) * 1.0) == 0.0)\n")
        self.assertEqual(self.probe("s.py", mode="region", flush_denormal=True).out, "True\n")
        self.assertEqual(self.probe("s.py", mode="region", flush_denormal=False).out, "False\n")
