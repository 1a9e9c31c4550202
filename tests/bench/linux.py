"""What ordinary operations of Linux programs cost, beside Linux: the figures of linux.json."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('CELLA_BUILD') or os.path.join(TOP, 'build')
TIMEOUT = 600


def measure(names, build):
    """({operation: ticks}, {operation: error}); the guest's log goes to stderr when it failed."""
    boot_run = os.path.join(TOP, 'boot', 'run')
    if build:
        subprocess.run([boot_run, '--build-only'], check=True)
        subprocess.run(['ninja', '-C', BUILD, 'tests/bench/linux_bench'], check=True, stdout=subprocess.DEVNULL)
    program = os.path.join(BUILD, 'tests', 'bench', 'linux_bench')
    result = subprocess.run([boot_run, '--no-build', '--icount', '--timeout', str(TIMEOUT), '--add', program + ':/bench/linux_bench',
                             '--', '/bench/linux_bench', *names], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            stdin=subprocess.DEVNULL, errors='replace')
    ticks, errors = {}, {}
    for line in result.stdout.splitlines():
        name, _, rest = line.partition(' ')
        if rest.isdigit():
            ticks[name] = int(rest)
        elif rest.startswith('failed: '):
            errors[name] = rest[8:]
    if result.returncode != 0:
        sys.stderr.write(''.join(line + '\n' for line in result.stderr.splitlines()[-20:]))
        print(f'the guest ended with {result.returncode}', file=sys.stderr)
    return ticks, errors, result.returncode


def references():
    with open(os.path.join(HERE, 'linux.json'), encoding='utf-8') as file:
        return json.load(file)['operations']


def table_of(names, build):
    """({operation: row}, names of those that missed their target or failed, exit status of the guest)"""
    reference = references()
    ticks, errors, status = measure([name for name in names if name != 'boot'] or (['getpid'] if names else []), build)
    table, missed = {}, []
    for name, row in reference.items():
        if names and name not in names:
            continue
        table[name] = dict(row, cella=ticks.get(name))
        if name not in ticks:
            table[name]['error'] = errors.get(name, 'not measured')
        if name not in ticks or ticks[name] > row.get('target', float('inf')):
            missed.append(name)
    return table, missed, status


def show(table):
    print(f'{"guest instructions":<24}{"Cella":>13}{"target":>13}{"Debian":>15}{"lean":>13}{"Cella/lean":>12}')
    for name, row in table.items():
        cella, target = row['cella'], row.get('target')
        late = cella is not None and target is not None and cella > target
        lean = row.get('lean')
        print(f'{name:<24}{cella if cella is not None else "-":>13}{target or "":>13}{row["debian"]:>15}{lean or "":>13}'
              + (f'{cella / lean:>12.2f}' if cella is not None and lean else f'{"":>12}')
              + ('  over target' if late else '') + (f'  {row["error"]}' if 'error' in row else ''))

