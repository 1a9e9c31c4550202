#!/usr/bin/env bash
# boot/run --gdb: the machine waits before its first instruction; a debugger (here: the few packets of the gdb remote protocol that
# attach, read the registers and continue) finds it there and lets it go; the run ends as any other. The port is the one that
# the printed gdb command names. Then what is built on it: tests/bench/profile follows one setns through program, kernel and proc, and
# its functions add up to what it says in the end.
set -u
python3 - <<'PYTHON' || exit 1
import os, re, select, socket, subprocess, sys, time

run = subprocess.Popen([os.environ['BOOT_RUN'], '--no-build', '--timeout', '100', '--gdb', '--', 'echo', 'debugged'],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
said = b''
while b'target remote' not in said and select.select([run.stderr], [], [], 60)[0]:
    said += os.read(run.stderr.fileno(), 4096)
match = re.search(rb"target remote :(\d+)'? +(\S+)", said)
if not match or not os.path.exists(match.group(2).decode().strip("'")):
    run.kill()
    sys.exit(f'no gdb command, or no such symbol file, in: {said.decode()}')

end = time.monotonic() + 30
while True:
    try:
        connection = socket.create_connection(('127.0.0.1', int(match.group(1))), 5)
        break
    except OSError:
        if time.monotonic() > end:
            run.kill()
            sys.exit('nobody listens for the debugger')
        time.sleep(0.1)
stream = connection.makefile('rb')


def ask(text):
    connection.sendall(b'$%s#%02x' % (text, sum(text) % 256))
    if text == b'c':
        return b''
    while stream.read(1) != b'$':
        pass
    answer = b''
    while (byte := stream.read(1)) != b'#':
        answer += byte
    stream.read(2)
    connection.sendall(b'+')
    return answer


stopped = ask(b'?')
registers = ask(b'g')
instruction_pointer = int.from_bytes(bytes.fromhex(registers[64:72].decode()), 'little')
quiet = not select.select([run.stdout], [], [], 1)[0]
ask(b'c')
output, errors = run.communicate(timeout=90)
# Reset vector of the processor (Intel SDM 3A 10.1.4).
found = (stopped[:1], instruction_pointer & 0xffff, quiet, output, run.returncode)
if found != (b'T', 0xfff0, True, b'debugged\n', 0):
    sys.exit(f'{found}\n{errors.decode()}')
PYTHON
profile=$(dirname "$BOOT_RUN")/../tests/bench/profile
"$profile" setns-ipc | awk '
    { if (NR > 1) sum += count; count = $1; last = $0 }
    END { if (count != sum || sum < 500 || last !~ /program .*vDSO .*kernel .*proc /) { print "the sum is " sum ": " last; exit 1 } }'
