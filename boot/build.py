"""Configures and builds, quietly when it is quick: one build at a time in a build directory."""
import fcntl
import os
import re
import shutil
import subprocess
import sys
import threading
import time

QUIET_SECONDS = 1.0
ERROR_LINES = 100  # of the compiler's output


class BuildError(Exception):
    """The build failed; its output went to stderr."""


def locked(build):
    """Takes the build directory's lock; it is let go when the returned file is closed."""
    os.makedirs(build, exist_ok=True)
    lock = open(os.path.join(build, '.lock'), 'w')
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def configure(top, build):
    """meson setup, unless done with this cross file."""
    if os.path.exists(os.path.join(build, 'build.ninja')):
        return
    print('build: configuring', file=sys.stderr)
    shutil.rmtree(os.path.join(build, 'meson-private'), ignore_errors=True)  # of another cross file
    result = subprocess.run(['meson', 'setup', build, top, '--cross-file', os.path.join(build, 'i686.ini')],
                            capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        sys.stderr.write('\n'.join((result.stdout + result.stderr).splitlines()[-12:]) + '\n')
        raise BuildError('configuring failed')


class Progress:
    """Shows ninja's state on stderr once the build lasts: one line that changes on a terminal, else a line now and then."""

    def __init__(self):
        self.terminal = sys.stderr.isatty()
        self.begin = self.shown = time.monotonic()
        self.visible = False

    def step(self, line):
        now = time.monotonic()
        if now - self.begin < QUIET_SECONDS:
            return
        if self.terminal:
            sys.stderr.write('\r\033[K' + line[:100])
            self.visible = True
        elif now - self.shown > 5:
            sys.stderr.write('build: ' + line + '\n')
            self.shown = now
        sys.stderr.flush()

    def end(self):
        if self.visible:
            sys.stderr.write('\r\033[K')


def ninja(build, targets=()):
    """Builds; raises BuildError with the compiler's output shown."""
    environment = dict(os.environ, CCACHE_NOHASHDIR='1')  # checkouts share what is in the cache
    process = subprocess.Popen(['ninja', '-C', build, *targets], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors='replace', env=environment)
    progress, output, step = Progress(), [], re.compile(r'\[(\d+)/(\d+)\] ')

    def follow():
        for line in process.stdout:
            output.append(line)
            if step.match(line):
                progress.step(line.rstrip())
    reader = threading.Thread(target=follow)
    reader.start()
    try:
        reader.join()
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    progress.end()
    if status != 0:
        shown = [line for before, line in zip(['', *output], output) if not step.match(line) and not before.startswith('FAILED')]
        sys.stderr.write(''.join(shown[:ERROR_LINES]) + ('...\n' if len(shown) > ERROR_LINES else ''))
        raise BuildError('the build failed')


def build_all(top, build, targets=()):
    """Configures and builds under the lock."""
    with locked(build):
        configure(top, build)
        ninja(build, targets)
