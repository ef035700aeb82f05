"""Runs scripts with and without the probe."""

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest

PROBE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Result:
    def __init__(self, done, report):
        self.code, self.out, self.err, self.report = done.returncode, done.stdout, done.stderr, report

    def lines(self, name):
        """Rows of a file of the report, by line number."""
        for file in self.report["files"]:
            if os.path.basename(file["path"]) == name:
                return {row[0]: row for row in file["lines"]}
        return {}


class ProbeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        self.out = os.path.join(self.folder, "out", "report.json")
        os.mkdir(os.path.dirname(self.out))
        self.work = os.path.join(self.folder, "work")
        os.mkdir(self.work)

    def write(self, name, text):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(textwrap.dedent(text).lstrip("\n"))
        return path

    def environment(self):
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "MKL_", "PYTHON", "THREADGAUGE"))}
        return dict(keep, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0")

    def plain(self, *arguments, options=(), env=None):
        done = subprocess.run([sys.executable, *options, *arguments], cwd=self.work, env=env or self.environment(), capture_output=True, text=True, timeout=60)
        return Result(done, None)

    def start(self, *arguments, mode="wall", options=(), env=None, **orders):
        env = dict(env or self.environment())
        old = env.get("PYTHONPATH")
        orders = {"mode": mode, "out": self.out, "roots": [self.work], "old_pythonpath": old, **orders}
        env["THREADGAUGE_PROBE"] = json.dumps(orders)
        env["PYTHONPATH"] = PROBE + (os.pathsep + old if old else "")
        command = [sys.executable, *options, "-m", "threadgauge_probe", *arguments]
        return subprocess.Popen(command, cwd=self.work, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        out, err = process.communicate(timeout=60)
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        report = None
        if os.path.exists(self.out):
            with open(self.out, encoding="utf-8") as stream:
                report = json.load(stream)
            os.unlink(self.out)
        for name in os.listdir(os.path.dirname(self.out)):
            # What children left is the runner's to remove.
            if re.fullmatch(r"report\.json\.\d+\.(files|lines)", name):
                os.unlink(os.path.join(os.path.dirname(self.out), name))
        self.assertEqual(os.listdir(os.path.dirname(self.out)), [], "no temporary file is left")
        return Result(done, report)

    def probe(self, *arguments, **options):
        return self.finish(self.start(*arguments, **options))

    def assert_same(self, *arguments, modes=("region", "wall", "cpu"), report=True, **options):
        """The script says and returns the same with the probe as without; the last result."""
        plain = self.plain(*arguments, **options)
        for mode in modes:
            extra = {"cpu_lines": {os.path.join(self.work, a): list(range(1, 200)) for a in arguments if a.endswith(".py")}} if mode == "cpu" else {}
            probed = self.probe(*arguments, mode=mode, **options, **extra)
            self.assertEqual((probed.out, probed.err, probed.code), (plain.out, plain.err, plain.code), mode)
            if report:
                self.assertIsNotNone(probed.report, mode)
                self.assertIsNone(probed.report["error"], mode)
        return probed
