"""What is said of the libraries that the script has imported."""

from tests.support import ProbeTest

TORCH = """
    __version__ = "2.13.0+cpu"
    class __config__:
        @staticmethod
        def parallel_info():
            return "ATen/Parallel: 3"
    def get_num_threads():
        return 3
    def get_num_interop_threads():
        return 5
"""


class Libraries(ProbeTest):
    def test_versions_of_what_was_imported(self):
        self.write("torch.py", TORCH)
        self.write("numpy.py", "__version__ = '2.4.6'\n")
        self.write("scipy.py", "print('nobody asked for this')\n")
        self.write("joblib.py", "__version__ = 12\n")
        script = self.write("script.py", "import torch\nimport numpy, joblib\nprint(torch.__version__)\n")
        report = self.assert_same(script, modes=("region",)).report
        self.assertEqual(report["libraries"], {"torch": "2.13.0+cpu", "numpy": "2.4.6"})
        self.assertEqual((report["parallel_info"], report["inter_op_threads"], report["observed_threads"]), ("ATen/Parallel: 3", 5, 3))
        self.assertRegex(report["python"], r"^(CPython|PyPy) 3\.\d+\.\d+$")

    def test_nothing_is_said_without_torch(self):
        script = self.write("script.py", "print(1)\n")
        report = self.assert_same(script, modes=("region",)).report
        self.assertEqual((report["libraries"], report["parallel_info"], report["inter_op_threads"]), ({}, None, None))

    def test_a_library_that_breaks_when_asked_breaks_nothing(self):
        self.write("torch.py", "def __getattr__(name):\n    raise RuntimeError(name)\n")
        script = self.write("script.py", "import torch\nprint(1)\n")
        report = self.assert_same(script, modes=("region",)).report
        self.assertEqual((report["libraries"], report["parallel_info"]), ({}, None))
