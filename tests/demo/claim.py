"""Who uses a temporary data folder: a lock that goes with its demo, also when that is killed. What such a demo has left
running is ended by the next one, which cannot know of the folder otherwise."""

import fcntl
import glob
import os
import shutil
import tempfile

from demo.tasks import kill_leftovers

PREFIX = "weir-demo-"
LOCK = "lock"


class Claim:
    """Of a folder that exists, until release()."""

    def __init__(self, folder):
        self.path = os.path.join(folder, LOCK)
        # Locked before it has its name: who finds a lock that is free finds one whose demo is gone.
        self.file = open(self.path + ".new", "w", encoding="ascii")
        fcntl.flock(self.file, fcntl.LOCK_EX)
        os.rename(self.path + ".new", self.path)

    def release(self):
        """Whatever is kept in the folder is then nobody's business but the user's."""
        if os.path.exists(self.path):
            os.remove(self.path)
        self.file.close()


def is_abandoned(folder):
    try:
        with open(os.path.join(folder, LOCK), encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def end_abandoned(parent=None):
    """Ends what killed demos have left running, and removes their temporary folders; how many processes those were."""
    ended = 0
    for folder in glob.glob(os.path.join(glob.escape(parent or tempfile.gettempdir()), PREFIX + "*")):
        if is_abandoned(folder):
            ended += kill_leftovers(folder)
            shutil.rmtree(folder, ignore_errors=True)
    return ended
