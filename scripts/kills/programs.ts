/** Little programs that make it hard to end them: what a random kill meets. */

const BURN = 'def burn(seconds):\n    end = time.process_time() + seconds\n    while time.process_time() < end:\n        pass\n';

/** Each runs for a tenth of a second or so, by name. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  /** Forks workers and waits for them. */
  forks: `import os, time\n${BURN}children = []\nfor _ in range(3):\n    pid = os.fork()\n    if pid == 0:\n        burn(0.02)\n        time.sleep(0.08)\n        os._exit(0)\n    children.append(pid)\nfor pid in children:\n    os.waitpid(pid, 0)\n`,
  /** Leaves a daemon in a session of its own that ignores what can be ignored. */
  daemon: 'import os, signal, time\nfor number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n    signal.signal(number, signal.SIG_IGN)\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(600)\n    os._exit(0)\nos.wait()\ntime.sleep(0.1)\n',
  /** Threads that sleep, so that the program ends only when they do. */
  threads: 'import threading, time\nthreads = [threading.Thread(target=time.sleep, args=(0.05 + 0.02 * i,)) for i in range(4)]\nfor thread in threads:\n    thread.start()\nfor thread in threads:\n    thread.join()\n',
  /** A tree of shells and sleepers that outlive their parents. */
  shells: 'import subprocess, time\nsubprocess.Popen(["sh", "-c", "trap \'\' TERM; (sleep 600 & sleep 600) & sleep 600"])\nsubprocess.Popen(["setsid", "sleep", "600"])\ntime.sleep(0.1)\n',
  /** Prints more than a pipe holds. */
  chatter: `import sys, time\n${BURN}for _ in range(200):\n    sys.stdout.write("x" * 4096)\nburn(0.05)\ntime.sleep(0.05)\n`,
  /** Forks again and again, each process living shortly. */
  generations: 'import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n        if os.fork() == 0:\n            time.sleep(0.05)\n        os._exit(0)\n    os.wait()\n    time.sleep(0.02)\n',
};
