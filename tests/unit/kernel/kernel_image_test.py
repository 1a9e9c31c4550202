"""What must hold of the kernel's program and sources: kernel_image_test.py KERNEL. Prints `ok NAME` per test."""
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LINES_AT_MOST = 7500
STACK = 16384


def symbols(kernel):
    output = subprocess.run(['nm', '--demangle', kernel], check=True, capture_output=True, text=True).stdout
    return {line.split(maxsplit=2)[2]: int(line.split()[0], 16) for line in output.splitlines() if len(line.split(maxsplit=2)) == 3}


def test_no_allocator(names):
    """All memory is some Untyped's: there is nothing that hands out memory by itself."""
    forbidden = re.compile(r'\b(malloc|calloc|realloc|free|sbrk|aligned_alloc|operator new|operator delete)\b')
    found = [name for name in names if forbidden.search(name)]
    assert not found, f'the kernel has {found}'


def test_no_assertion(names):
    """Nothing stops the kernel but boot without a machine to run on, and a fault of its own."""
    found = [name for name in names if re.search(r'assert|abort|__ubsan|__stack_chk|panic|terminate', name)]
    assert not found, f'the kernel has {found}'


def test_stack_guard(names):
    guard, top = names['arch_kernel_stack_guard'], names['arch_kernel_stack_top']
    assert guard % 4096 == 0 and top - guard == 4096 + STACK, 'the page below the kernel stack is not its guard'


def code_lines(text):
    text = re.sub(r'/\*.*?\*/', lambda match: '\n' * match.group().count('\n'), text, flags=re.S)
    lines = (re.sub(r'//.*', '', line).strip() for line in text.splitlines())
    return sum(1 for line in lines if line)


def test_size(_):
    total = 0
    for ending in ('cpp', 'hpp', 'S', 'h'):
        for path in glob.glob(os.path.join(TOP, 'microkernel', '**', '*.' + ending), recursive=True):
            with open(path, encoding='utf-8') as file:
                total += code_lines(file.read())
    assert 1000 < total <= LINES_AT_MOST, f'microkernel/ has {total} lines of code'


def main():
    names = symbols(sys.argv[1])
    for name, test in sorted(globals().items()):
        if name.startswith('test_'):
            test(names)
            print('ok', name[5:])


main()
