"""Steps a guest through single instructions by QEMU's gdb stub, to count what a stretch of code executes."""
import os
import re
import socket
import subprocess
import tempfile
import time


class Connection:
    """QEMU's end of the gdb remote protocol. `address`: a path, or (host, port)."""

    def __init__(self, address):
        for _ in range(200):
            self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
            self.socket.settimeout(60)
            try:
                self.socket.connect(address)
                if not isinstance(address, str):
                    self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                break
            except OSError:
                self.socket.close()
                time.sleep(0.05)
        else:
            raise RuntimeError('QEMU does not open its gdb stub')
        self.buffer = b''

    def ask(self, packet):
        data = packet.encode()
        self.socket.sendall(b'$' + data + b'#%02x' % (sum(data) & 255))
        while True:
            found = re.search(rb'\$([^#]*)#..', self.buffer)
            if found:
                self.buffer = self.buffer[found.end():]
                self.socket.sendall(b'+')
                return found.group(1).decode()
            received = self.socket.recv(65536)
            if not received:
                raise RuntimeError('QEMU ended')
            self.buffer += received

    def registers(self):
        """(instruction pointer, CR3): the 9th and the 22nd of QEMU's description of an i386"""
        registers = self.ask('g')
        return tuple(int.from_bytes(bytes.fromhex(registers[8 * number:8 * number + 8]), 'little') for number in (8, 21))

    def instruction_pointer(self):
        return self.registers()[0]

    def memory(self, address, count):
        """b'' where nothing is mapped"""
        answer = self.ask(f'm{address:x},{count:x}')
        return b'' if answer.startswith('E') else bytes.fromhex(answer)


class Stepper(Connection):
    """A kernel and a root task in QEMU, stopped before the first instruction."""

    def __init__(self, kernel, root):
        self.folder = tempfile.TemporaryDirectory(prefix='cella-bench-')
        path = os.path.join(self.folder.name, 'gdb')
        self.process = subprocess.Popen(
            ['qemu-system-i386', '-accel', 'tcg', '-m', '256', '-display', 'none', '-monitor', 'none', '-no-reboot', '-nic', 'none',
             '-serial', 'null', '-serial', 'null', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-icount', 'shift=0,sleep=off',
             '-kernel', kernel, '-initrd', f'{root} root', '-S', '-chardev', f'socket,path={path},server=on,wait=off,id=gdb',
             '-gdb', 'chardev:gdb'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        super().__init__(path)

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def run_to(self, address):
        """On to the next time that the instruction at `address` is about to be executed."""
        self.ask('s')
        self.ask(f'Z1,{address:x},1')
        self.ask('c')
        self.ask(f'z1,{address:x},1')

    def steps(self, end, at_most=100000):
        """Addresses of the instructions executed from here up to, not including, `end`."""
        executed = []
        address = self.instruction_pointer()
        while address != end or not executed:
            executed.append(address)
            if len(executed) > at_most:
                raise RuntimeError('the end is not reached')
            self.ask('s')
            address = self.instruction_pointer()
        return executed


def symbols(program):
    """{name: address}"""
    output = subprocess.run(['nm', program], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {fields[2]: int(fields[0], 16) for fields in map(str.split, output.splitlines()) if len(fields) == 3}


def instructions(program):
    """{address: (mnemonic, operands)}"""
    output = subprocess.run(['objdump', '-d', '--no-show-raw-insn', program], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {}
    for line in output.splitlines():
        match = re.match(r'\s*([0-9a-f]+):\s+(\S+)\s*(.*)', line)
        if match:
            found[int(match.group(1), 16)] = (match.group(2), match.group(3))
    return found


KINDS = [
    ('CR3 load', lambda name, operands: name.startswith('mov') and operands.endswith(',%cr3')),
    ('CR read or other CR write', lambda name, operands: name.startswith('mov') and '%cr' in operands and not operands.endswith(',%cr3')),
    ('segment load', lambda name, operands: (name.startswith('mov') and re.search(r',%[defgs]s$', operands)) or
     (name.startswith('pop') and re.match(r'%[defgs]s$', operands))),
    ('segment read', lambda name, operands: name.startswith('mov') and re.match(r'%[cdefgs]s,', operands)),
    ('MSR', lambda name, operands: name in ('rdmsr', 'wrmsr')),
    ('clts, fxsave, fxrstor', lambda name, operands: name in ('clts', 'fxsave', 'fxrstor')),
    ('invlpg', lambda name, operands: name == 'invlpg'),
    ('rdtsc, cpuid', lambda name, operands: name in ('rdtsc', 'cpuid')),
    ('port access', lambda name, operands: re.match(r'(in|out)[bwl]?$', name)),
    ('popf, pushf', lambda name, operands: name.startswith(('popf', 'pushf'))),
    ('sti, cli', lambda name, operands: name in ('sti', 'cli')),
    ('sysenter', lambda name, operands: name == 'sysenter'),
    ('sysexit', lambda name, operands: name == 'sysexit'),
    ('int, iret', lambda name, operands: name.startswith(('int', 'iret'))),
    ('division', lambda name, operands: re.match(r'i?div', name)),
]


def count(kernel, root, begin, end, skip=0):
    """Of one stretch of code between two labels of the root task: {'kernel', 'user': instructions, 'kinds': {kind: number}}.
    `skip`: so many passes over `begin` come first."""
    stepper = Stepper(kernel, root)
    try:
        labels = symbols(root)
        for _ in range(skip + 1):
            stepper.run_to(labels[begin])
        executed = stepper.steps(labels[end])
    finally:
        stepper.close()
    code = instructions(kernel) | instructions(root)
    kinds = {name: 0 for name, _ in KINDS}
    for address in executed:
        name, operands = code[address]
        for kind, matches in KINDS:
            if matches(name, operands):
                kinds[kind] += 1
    in_kernel = sum(1 for address in executed if address >= 0xC0000000)
    return {'kernel': in_kernel, 'user': len(executed) - in_kernel, 'kinds': kinds, 'addresses': executed}
