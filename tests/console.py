"""Plays a console section: what a person at the terminal types and sees."""
import os
import pty
import re
import select
import signal
import subprocess
import time
import tty


def unescape(text):
    """C escapes, so that control characters can be written: \\x14 is Ctrl-T."""
    return text.encode().decode('unicode_escape').encode('latin-1')


class Console:
    """boot/run on a pseudo terminal."""

    def __init__(self, command, timeout):
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.deadline = time.monotonic() + timeout
        self.seen, self.pending = '', ''

    def read(self):
        """Takes what comes next; False at the end or when the time is up."""
        ready, _, _ = select.select([self.master], [], [], max(0, self.deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536).decode(errors='replace')
        except OSError:
            return False
        self.seen += data
        self.pending += data
        return bool(data)

    def expect(self, regex):
        while not (match := re.search(regex, self.pending)):
            if not self.read():
                return False
        self.pending = self.pending[match.end():]
        return True

    def play(self, lines):
        """Returns None, or what went wrong."""
        for line in lines:
            kind, text = line[:2], line[2:]
            if not line.strip() or kind == '# ':
                continue
            if kind == '> ' or line == '>':
                os.write(self.master, unescape(text) + b'\r')
            elif kind == '! ':
                os.write(self.master, unescape(text))
            elif kind == '< ' or kind == '~ ':
                if not self.expect(re.escape(text) if kind == '< ' else text):
                    return f'waited in vain for: {text}'
            else:
                return f'a console line begins with > ! < ~ or #: {line}'
        return None

    def end(self):
        """Waits for the end and returns the exit status; ends it by force when the time is up."""
        while self.read():
            pass
        try:
            return self.process.wait(max(0.5, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGTERM)
            return self.process.wait(10)
        finally:
            os.close(self.master)


def play(command, lines, timeout):
    """Runs a whole session. Returns (exit status, error or None, transcript)."""
    console = Console(command, timeout)
    error = console.play(lines)
    if error:
        os.killpg(console.process.pid, signal.SIGTERM)
    status = console.end()
    return status, error, console.seen
