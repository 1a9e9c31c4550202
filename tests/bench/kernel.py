"""The kernel's operations: boots the kernel with the root task of tests/bench/kernel, and steps through one round trip."""
import json
import os
import subprocess

import stepper

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('CELLA_BUILD') or os.path.join(TOP, 'build')
ELF = 'microkernel/kernel.elf'
ROOT = 'tests/bench/kernel/bench-kernel-root'
WARM_ROUNDS = 20 # of the round trip, before the one that is counted
SETTINGS = """Settings: default build; one CPU; qemu32; FPU switched lazily (CR0.TS), nobody uses it unless said; no thread has a TLS
entry unless said; the server is passive and runs on the client's scheduling context unless said; IPC buffers at
0x00101000 in both spaces, as between Cella's servers, unless said (one space: at different addresses)."""


def text_bytes(elf):
    """Size of the sections that are loaded and not written."""
    output = subprocess.run(['readelf', '-SW', elf], check=True, stdout=subprocess.PIPE, text=True).stdout
    total = 0
    for line in output.splitlines():
        fields = line.replace('[', ' ').replace(']', ' ').split()
        if len(fields) > 7 and fields[0].isdigit() and 'A' in fields[7] and 'W' not in fields[7] and fields[2] == 'PROGBITS':
            total += int(fields[5], 16)
    return total


def measure(elf, root, build):
    """(rows, rows of further settings, what the round trip executes)"""
    if build:
        subprocess.run([os.path.join(TOP, 'boot', 'setup')], check=True, env=dict(os.environ, CELLA_BUILD=BUILD))
        subprocess.run(['ninja', '-C', BUILD, ELF, ROOT], check=True, stdout=subprocess.DEVNULL)
    elf, root = elf or os.path.join(BUILD, ELF), root or os.path.join(BUILD, ROOT)
    result = subprocess.run([os.path.join(TOP, 'tests', 'guest', 'kernel', 'run'), elf, root, '-icount', 'shift=0,sleep=off'],
                            stdout=subprocess.PIPE, text=True, errors='replace')
    if result.returncode != 0:
        raise RuntimeError('the guest failed: ' + result.stdout[-500:])
    figures = {'kernel_text_bytes': text_bytes(elf)}
    for line in result.stdout.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[0] == 'figure':
            figures[fields[1]] = int(fields[2])
    with open(os.path.join(HERE, 'kernel.json'), encoding='utf-8') as file:
        reference = json.load(file)
    for row in reference['operations'] + reference['settings']:
        row['ours'] = figures.get(row['operation'])
    trip = stepper.count(elf, root, 'bench_round_begin', 'bench_round_end', WARM_ROUNDS)
    return reference['operations'], reference['settings'], trip


def show(rows, settings, trip):
    names = ['seL4', 'seL4 MCS', 'NOVA']
    print(f'{"kernel, guest instructions":<42}{"ours":>8}{"must":>8}{"aim":>8}' + ''.join(f'{name:>17}' for name in names))
    for row in rows:
        ours = row['ours']
        cells = ''
        for name in names:
            reference = row['references'].get(name)
            cells += f'{"":>17}' if reference is None or ours is None else f'{reference:>9} ({ours / reference:4.2f})'.rjust(17)
        verdict = '  not measured' if ours is None else '  over must' if ours > row['must'] else '  over aim' if ours > row['aim'] else ''
        print(f'{row["what"]:<42}{ours if ours is not None else "-":>8}{row["must"]:>8}{row["aim"]:>8}{cells}{verdict}')
    print('round trip in other settings:')
    for row in settings:
        print(f'  {row["what"]:<40}{row["ours"] if row["ours"] is not None else "-":>8}')
    print(f'one round trip executes {trip["kernel"]} instructions in the kernel and {trip["user"]} in user mode; of these:')
    print('  ' + ', '.join(f'{kind} {number}' for kind, number in trip['kinds'].items()))
    print(SETTINGS)
