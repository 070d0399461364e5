"""Node.js programs of tests/integration/clients, with the modules that scripts/setup has fetched."""

import os
import subprocess

from . import processes

CLIENTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients")


class Node:
    """A program that is talked to by lines; it ends when its stdin does."""

    def __init__(self, program, module, *arguments):
        modules = os.path.join(processes.PEERS, "node", "node_modules")
        assert os.path.isdir(os.path.join(modules, module)), f"{module} is missing: run scripts/setup --tests"
        self.child = subprocess.Popen(["node", os.path.join(CLIENTS, program), *arguments], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, bufsize=1,
                                      env={**os.environ, "NODE_PATH": modules})

    def line(self):
        return self.child.stdout.readline().rstrip("\n")

    def say(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()
        return self.line()

    def stop(self):
        self.child.stdin.close()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
