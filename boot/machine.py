"""QEMU with Cella in it, and the wires between the guest and this terminal.

COM1 is the console. COM2 is the log: what the kernel and the servers say, in a job also the standard error of CMD, and
the line `@@cella exit N@@` by which the guest tells CMD's status before it powers off (through isa-debug-exit).
"""
import collections
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import termios
import time

STATUS_DIED = 125     # the guest ended without telling a status
STATUS_TIMEOUT = 124  # as timeout(1)
GRACE_SECONDS = 3.0   # after telling the status the guest has this long to power off
TAIL_LINES = 25       # of the log, shown when the guest died without it having been seen
MARK = re.compile(rb'@@cella exit (\d{1,3})@@\r?\n?')
MARK_BEGIN = b'@@cella exit '


class Log:
    """The stream from COM2: passes it on and takes the control line out of it."""

    def __init__(self, sink):
        self.sink = sink      # called with the bytes to pass on
        self.pending = b''
        self.status = None    # what the guest told last
        self.tail = collections.deque(maxlen=8192)

    def feed(self, data):
        self.pending += data
        while (match := MARK.search(self.pending)) and (match.end() < len(self.pending) or self.pending[-1:] == b'\n'):
            self.emit(self.pending[:match.start()])
            self.status = int(match.group(1))
            self.pending = self.pending[match.end():]
        # What may still become a control line waits; it is at most a few dozen bytes long.
        hold = len(self.pending)
        position = self.pending.find(b'@')
        while position != -1:
            rest = self.pending[position:position + 24]
            if MARK_BEGIN.startswith(rest) or re.fullmatch(rb'@@cella exit \d{0,3}(@(@\r?)?)?', rest):
                hold = position
                break
            position = self.pending.find(b'@', position + 1)
        self.emit(self.pending[:hold])
        self.pending = self.pending[hold:]

    def end(self):
        match = MARK.search(self.pending)
        if match:
            self.status = int(match.group(1))
            self.pending = self.pending[:match.start()] + self.pending[match.end():]
        self.emit(self.pending)
        self.pending = b''

    def emit(self, data):
        if data:
            self.tail.extend(data)
            self.sink(data)

    def last_lines(self):
        return bytes(self.tail).decode(errors='replace').splitlines()[-TAIL_LINES:]


def quoted(path):
    """For a QEMU option: commas are doubled."""
    return path.replace(',', ',,')


def trace_file(folder):
    return os.path.join(folder, 'qemu.log')


def triple_fault(folder):
    """Whether QEMU noted a triple fault: its exit status does not tell."""
    try:
        with open(trace_file(folder), errors='replace') as file:
            return 'Triple fault' in file.read()
    except OSError:
        return False


def command_line(options, folder, console, log):
    """QEMU's arguments. console, log: its character device options, without the id."""
    command = ['qemu-system-i386', '-accel', 'tcg', '-nodefaults', '-no-user-config', '-no-reboot',
               '-m', str(options.memory), '-smp', str(options.smp),
               '-chardev', console[0] + ',id=console' + console[1], '-serial', 'chardev:console',
               '-chardev', log[0] + ',id=log' + log[1], '-serial', 'chardev:log',
               '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04', '-d', 'cpu_reset', '-D', trace_file(folder),
               '-kernel', os.path.join(folder, 'kernel.elf'), '-append', ' '.join(options.kernel_words),
               '-initrd', f'{quoted(folder)}/root.elf root,{quoted(folder)}/image.bin image']
    if options.display:
        command += ['-vga', 'std', '-display', 'gtk' if os.environ.get('DISPLAY') else 'vnc=127.0.0.1:0']
    else:
        command += ['-vga', 'none', '-display', 'none']
    if options.icount:
        command += ['-icount', 'shift=0,sleep=off', '-rtc', 'base=2026-01-01,clock=vm']
    else:
        command += ['-rtc', 'base=utc']
    if options.gdb:
        command += ['-s', '-S']
    for number, disk in enumerate(options.disk):
        command += ['-drive', f'if=none,id=disk{number},format=raw,file={quoted(disk)}',
                    '-device', f'virtio-blk-pci,drive=disk{number}']
    if options.network:
        forwards = ''.join(f',hostfwd=tcp:127.0.0.1:{host}-:{guest}' for host, guest in options.port)
        command += ['-netdev', 'user,id=net0' + forwards, '-device', 'virtio-net-pci,netdev=net0,romfile=']
    else:
        command += ['-nic', 'none']
    if shutil.which('setpriv'):  # QEMU never outlives this process
        command = ['setpriv', '--pdeathsig', 'KILL', *command]
    return command


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def verdict(log, status, shown, timed_out, fault):
    """The exit status of the run, with a message when the guest did not end as it should."""
    if log.status is not None:
        return log.status
    if shown and log.tail and log.tail[-1] != 10:
        print(file=sys.stderr)
    if timed_out:
        print('boot/run: timeout', file=sys.stderr)
        return STATUS_TIMEOUT
    print(f'boot/run: the guest died (QEMU ended with {status}) without telling a status', file=sys.stderr)
    if fault:
        print('boot/run: it was a triple fault: boot/run --gdb shows where', file=sys.stderr)
    if not shown:
        print('\n'.join('  ' + line for line in log.last_lines()), file=sys.stderr)
    return STATUS_DIED


def run_job(options, folder):
    """Boots for CMD: COM1 goes to stdout, COM2 to stderr. Returns the exit status."""
    console_read, console_write = os.pipe()
    log_read, log_write = os.pipe()
    command = command_line(options, folder, ('file', f',path=/dev/fd/{console_write}'), ('file', f',path=/dev/fd/{log_write}'))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(),
                               pass_fds=(console_write, log_write), start_new_session=True)
    os.close(console_write)
    os.close(log_write)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    log = Log(lambda data: write_all(2, data))
    deadline = time.monotonic() + options.timeout if options.timeout else None
    timed_out = False
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(console_read, selectors.EVENT_READ)
            selector.register(log_read, selectors.EVENT_READ)
            while selector.get_map():
                wait = None if deadline is None else deadline - time.monotonic()
                if wait is not None and wait <= 0:
                    timed_out = log.status is None
                    process.kill()
                    deadline = wait = None
                for key, _ in selector.select(wait):
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == console_read:
                        write_all(1, data)
                    else:
                        log.feed(data)
                        if log.status is not None:
                            deadline = min(deadline or float('inf'), time.monotonic() + GRACE_SECONDS)
        log.end()
        return verdict(log, process.wait(), True, timed_out, triple_fault(folder))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    finally:
        process.kill()
        process.wait()


def run_console(options, folder):
    """Boots with the console on this terminal; the log goes to a file. Returns the exit status."""
    path = os.path.join(options.build, 'console.log')
    terminal = termios.tcgetattr(0) if os.isatty(0) else None
    if terminal:
        print(f'boot/run: Ctrl-A X leaves, Ctrl-T switches consoles; the log is {path}', file=sys.stderr)
    command = command_line(options, folder, ('stdio', ',mux=on,signal=off'), ('file', f',path={quoted(path)}'))
    command += ['-mon', 'chardev=console,mode=readline']
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    process = subprocess.Popen(command)
    timed_out = False
    try:
        status = process.wait(options.timeout or None)
    except subprocess.TimeoutExpired:
        timed_out = True
        process.kill()
        status = process.wait()
    finally:
        process.kill()
        process.wait()
        if terminal:
            termios.tcsetattr(0, termios.TCSADRAIN, terminal)
    log = Log(lambda data: None)
    with open(path, 'rb') as file:
        log.feed(file.read())
    log.end()
    fault = triple_fault(folder)
    if log.status is None and not timed_out and status == 0 and not fault:
        return 0  # left by Ctrl-A X
    return verdict(log, status, False, timed_out, fault)
