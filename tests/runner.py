"""tests/run: unit tests (Meson's), then guest tests (tests/guest), with progress; the last line counts single tests."""
import concurrent.futures
import fnmatch
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ['CELLA_BUILD'])
sys.path[:0] = [os.path.join(TOP, 'tests'), os.path.join(TOP, 'boot')]

import build as building  # noqa: E402
import console  # noqa: E402
import tour  # noqa: E402
from page import Page, PageError, compare, missing_in_log  # noqa: E402

WORKERS = 2           # QEMUs at a time
UNIT_TIMEOUT = 300    # seconds for one unit test program
SLACK = 20            # seconds that boot/run has beyond its own --timeout
REAL_TIME = '--real-time'
VARIABLES = {'BUILD': BUILD, 'TOP': TOP}

USAGE = """usage: tests/run [--unit] [--guest] [--long] [--list] [--no-build] [--real-time] [PATTERN...]
       tests/run --fuzz [kernel|netstack] [SECONDS]   a fuzz target, the kernel's if not said: its corpus, then new sequences
       tests/run --coverage [--missing]  what the kernel's unit tests reach
Runs the tests whose name (unit/NAME, guest/NAME) matches one of the patterns: a part of the name, or with * ? [.
--long runs the campaigns of tests/guest/long instead of the guest pages; --no-build takes what is built.
Guest pages count time in guest instructions, and give the same each time; with --real-time they run by this machine's clock.
"""


class Result:
    """What one program or page gave: tests passed and failed, and what to show if any failed."""

    def __init__(self, passed, failed, details=''):
        self.passed, self.failed, self.details = passed, failed, details


def run(command, timeout, **options):
    """Runs to the end in a process group of its own; (status, stdout, stderr); status None: ended at the time limit."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, **options)
    status = None
    try:
        output, errors = process.communicate(timeout=timeout)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            output, errors = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
    return status, output.decode(errors='replace'), errors.decode(errors='replace')


def is_unit(test):
    return any(suite.endswith('unit') for suite in test['suite'])


def run_unit(test):
    """One of Meson's tests: a doctest program, or one that prints a line `ok NAME` for each of its tests."""
    environment = dict(os.environ, ASAN_OPTIONS='detect_leaks=1:abort_on_error=0', **test.get('env', {}))
    arguments = ['--no-colors=true'] if is_unit(test) else []
    status, output, errors = run([*test['cmd'], *arguments], UNIT_TIMEOUT, env=environment, cwd=test['workdir'] or BUILD)
    match = re.search(r'test cases: +(\d+) \| +(\d+) passed \| +(\d+) failed', output)
    passed, failed = (int(match.group(2)), int(match.group(3))) if match else (len(re.findall(r'^ok ', output, re.M)), 0)
    if status == 0 and passed == 0:
        passed = 1
    if status != 0 and failed == 0:
        failed = 1
        errors += f'\nended with status {status}' if status is not None else f'\nnot done after {UNIT_TIMEOUT} s'
    return Result(passed, failed, output[-6000:] + errors[-6000:] if failed else '')


def boot_run(page, arguments):
    """The command that boots for a page. Time is counted in guest instructions: a page that sleeps or races gives the same on
    every machine, however busy it is; `# time: real` or --real-time take the machine's time instead, and so does a page that
    plays a person, whose time is the machine's."""
    real = page.real_time or 'console' in page.sections or REAL_TIME in sys.argv
    clock = [] if real or '--icount' in page.boot else ['--icount']
    return [os.path.join(TOP, 'boot', 'run'), '--no-build', '--timeout', str(page.timeout), *clock, *page.boot, *arguments]


def tail(title, text, lines=30):
    return f'--- {title}\n' + '\n'.join(text.splitlines()[-lines:]) + '\n' if text else ''


def run_tour(page):
    with open(os.path.join(TOP, 'README.md'), encoding='utf-8') as file:
        steps = tour.steps(file.read())
    if not steps:
        return Result(0, 1, 'README.md has no console blocks\n')
    status, output, errors = run_script(page, tour.script(steps))
    found, passed, details = tour.outputs(output), 0, ''
    for number, (command, expected) in enumerate(steps):
        difference = compare(expected, found[number]) if number in found else 'not reached'
        if difference is None:
            passed += 1
        else:
            details += f'{command}\n{difference}\n'
    return Result(passed, len(steps) - passed, details and details + tail(f'log, status {status}', errors))


def run_script(page, text):
    with tempfile.NamedTemporaryFile('w', suffix='.sh') as script:
        script.write(text)
        script.flush()
        return run(boot_run(page, ['--script', script.name]), page.timeout + SLACK)


def run_page(path):
    try:
        page = Page(path, VARIABLES)
    except (PageError, KeyError, ValueError) as error:
        return Result(0, 1, f'{error}\n')
    if 'tour' in page.sections:
        return run_tour(page)
    if 'console' in page.sections:
        status, error, seen = console.play(boot_run(page, []), page.sections['console'], page.timeout + SLACK)
        if error or status != page.status:
            return Result(0, 1, f'{error or ""}\nstatus {status}, expected {page.status}\n' + tail('terminal', seen, 40))
        return Result(1, 0)
    if 'command' in page.sections:
        command = [word for line in page.sections['command'] for word in line.split()]
        status, output, errors = run(boot_run(page, ['--', *command]), page.timeout + SLACK)
    else:
        status, output, errors = run_script(page, page.text('script'))
    details = ''
    if status != page.status:
        details += f'status {status}, expected {page.status}\n'
    if difference := compare(page.sections.get('expect', []), output):
        details += difference + '\n'
    if (line := missing_in_log(page.sections.get('log', []), errors)) is not None:
        details += f'not in the log: {line}\n'
    return Result(0, 1, details + tail('log', errors)) if details else Result(1, 0)


def run_program(path):
    """A guest test that is a program of this machine: it calls boot/run itself ($BOOT_RUN), and ends with status 0."""
    environment = dict(os.environ, BOOT_RUN=os.path.join(TOP, 'boot', 'run'), TOP=TOP, BUILD=BUILD)
    status, output, errors = run([path], 900, env=environment, cwd=TOP)
    return Result(1, 0) if status == 0 else Result(0, 1, f'status {status}\n' + tail('output', output) + tail('errors', errors))


def meson_tests(unit):
    with open(os.path.join(BUILD, 'meson-info', 'intro-tests.json')) as file:
        tests = json.load(file)
    return {('unit/' if unit else 'guest/') + re.sub(r'[^\w.+]+', '-', test['name']): (run_unit, test)
            for test in tests if is_unit(test) == unit}


def guest_tests(long):
    """The pages and programs of tests/guest; those of tests/guest/long (campaigns of many minutes) only if asked for."""
    folder = os.path.join(TOP, 'tests', 'guest', *(['long'] if long else []))
    found = {}
    for path in sorted(glob.glob(folder + '/*.test')):
        found['guest/' + os.path.basename(path)[:-5]] = (run_page, path)
    for path in sorted(glob.glob(folder + '/*.sh')):
        found['guest/' + os.path.basename(path)[:-3]] = (run_program, path)
    return found


def build_targets(tests):
    """What ninja has to make for these tests."""
    targets = set()
    for function, test in tests.values():
        if function is not run_unit:
            targets.update(['guest', 'guest-tests'])
            continue
        # A script of the source tree runs what stands among its arguments.
        inside = [os.path.relpath(word, BUILD) for word in test['cmd'] if word.startswith(BUILD + os.sep)]
        targets.update(inside or ['guest', 'meson-test-prereq'])
    return sorted(targets) or ['build.ninja']


def matches(name, patterns):
    return not patterns or any(fnmatch.fnmatch(name, text) if set(text) & set('*?[') else text in name for text in patterns)


def main(arguments):
    if '--help' in arguments or '-h' in arguments:
        print(USAGE, end='')
        return 0
    flags = {argument for argument in arguments if argument.startswith('--')}
    patterns = [argument for argument in arguments if not argument.startswith('--')]
    if flags - {'--unit', '--guest', '--list', '--no-build', '--long', REAL_TIME}:
        print(USAGE, end='', file=sys.stderr)
        return 2
    kinds = flags & {'--unit', '--guest'} or {'--unit', '--guest'}
    passed = failed = 0
    try:
        def chosen():
            found = {}
            if '--unit' in kinds:
                found.update(meson_tests(True))
            if '--guest' in kinds:
                found.update({**meson_tests(False), **guest_tests('--long' in flags)})
            return {name: test for name, test in found.items() if matches(name, patterns)}

        if '--no-build' not in flags:
            building.build_all(TOP, BUILD, ('build.ninja',))  # the list of tests is Meson's
            building.build_all(TOP, BUILD, build_targets(chosen()) if patterns else ('all', 'meson-test-prereq'))
        tests = chosen()
        if '--list' in flags:
            print('\n'.join(tests))
            return 0
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            def timed(function, argument):
                begin = time.monotonic()
                return function(argument), time.monotonic() - begin
            futures = {pool.submit(timed, function, argument): name for name, (function, argument) in tests.items()}
            for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
                result, seconds = future.result()
                passed += result.passed
                failed += result.failed
                counts = f' ({result.passed} of {result.passed + result.failed})' if result.passed + result.failed != 1 else ''
                verdict = 'FAILED' if result.failed else 'ok'
                print(f'[{number}/{len(futures)}] {futures[future]}: {verdict}{counts} {seconds:.1f} s', flush=True)
                if result.failed:
                    print('    ' + result.details.rstrip().replace('\n', '\n    '), flush=True)
    except building.BuildError as error:
        print(f'tests/run: {error}', file=sys.stderr)
        failed += 1
    if not passed and not failed:
        print(f'tests/run: no test is called {" ".join(patterns)}', file=sys.stderr)
        failed = 1
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
