"""Where the region begins."""

import ast
import textwrap
import unittest

from tests.support import ProbeTest
from threadgauge_probe.region import leading_imports


def first_line(text):
    """Line of the first statement of the region (0 when nothing is left), and what is said."""
    tree = ast.parse(textwrap.dedent(text).lstrip("\n"))
    index, reason = leading_imports(tree)
    return (tree.body[index].lineno if index < len(tree.body) else 0), reason


class LeadingImports(unittest.TestCase):
    def check(self, line, text, reason=None):
        found, said = first_line(text)
        self.assertEqual(found, line)
        if reason is None:
            self.assertIsNone(said)
        else:
            self.assertRegex(said, reason)

    def test_plain(self):
        self.check(4, '"""Doc."""\nimport os\nfrom torch import nn\nprint(1)\n')
        self.check(1, "print(1)\n")
        self.check(0, "import os\n")
        self.check(2, '"""Doc."""\nx = 1\n')
        self.check(0, "")

    def test_settings_between_imports(self):
        self.check(8, "import os\nos.environ['OMP_NUM_THREADS'] = '4'\nos.environ.setdefault('A', 'b')\nimport sys\nsys.path.insert(0, '..')\nimport torch\nfrom torch import nn\nmodel = nn.Linear(2, 2)\n")
        self.check(6, "import torch\ntorch.set_num_threads(2)\ntorch.manual_seed(0)\nN = int('3')\nimport time\nx = torch.randn(4)\n")

    def test_conditional_imports(self):
        self.check(8, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\ntry:\n    import ujson as json\nexcept ImportError:\n    import json\nrun()\n")
        self.check(5, "import sys\nif sys.version_info > (3, 11):\n    import tomllib\nLIMIT = 3\nwork()\n".replace("LIMIT = 3\n", "").replace("work()", "\nwork()"))
        self.check(4, "import warnings\nwith warnings.catch_warnings():\n    import noisy\nwork()\n")

    def test_definitions_between_imports(self):
        self.check(6, "import a\ndef f():\n    for i in range(3): pass\nclass C: pass\nimport b\nf()\n")

    def test_work_is_never_left_out(self):
        self.check(2, "import torch\nmodel = load()\nimport json\nprint(model)\n", "line 3")
        self.check(2, "import torch\nfor i in range(9): pass\nimport json\n", "line 3")
        self.check(2, "import os\nif __name__ == '__main__':\n    import torch\n    torch.ones(1)\n", "line 3")
        self.check(2, "import numpy as np\nc = np.ones(3) @ np.ones(3)\nimport os\n", "line 3")

    def test_heavy_imports_in_functions_are_told(self):
        self.check(2, "import os\ndef main():\n    import torch\n    from transformers import pipeline\nmain()\n", "torch, transformers inside a function")
        self.check(2, "import torch\ndef main():\n    import torch.nn\n    import json\nmain()\n")


class Region(ProbeTest):
    def test_only_the_time_after_the_imports(self):
        self.write("slow.py", "import time\ntime.sleep(0.3)\n")
        self.write("s.py", "import slow\nimport time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass\ntime.sleep(0.1)\n")
        for arguments in (["s.py"], ["-m", "s"]):
            report = self.probe(*arguments, mode="region").report
            region = report["region"]
            wall, cpu = region["end_ns"] - region["start_ns"], region["cpu_end_ns"] - region["cpu_start_ns"]
            self.assertTrue(190e6 < wall < 290e6 or wall < 2e9 and cpu < 190e6, (wall, cpu))
            self.assertTrue(95e6 < cpu < 190e6, cpu)
            self.assertEqual((report["mode"], report["files"], report["region_reason"], report["clock"]), ("region", [], None, "CLOCK_MONOTONIC"))

    def test_ended_before_the_region(self):
        self.write("s.py", "import sys\ntry:\n    import nothing_like_this\nexcept ImportError:\n    sys.exit(3)\nimport os\n")
        result = self.probe("s.py", mode="region")
        self.assertEqual(result.code, 3)
        self.assertIsNone(result.report["region"])
        self.assertIn("before the end", result.report["region_reason"])

    def test_future_imports_and_docstrings_stay_first(self):
        self.write("s.py", '"""Doc."""\nfrom __future__ import annotations\ndef f(x: Undefined): return 1\nprint(__doc__, f.__annotations__)\n')
        self.assert_same("s.py")


if __name__ == "__main__":
    unittest.main()
