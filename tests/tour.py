"""The README's tour as a test: its fenced `console` blocks are run in order and their output compared.

In a block, a line `cella:~# COMMAND` is typed by the reader; what follows, up to the next one, is what is shown, with
`...` for anything. All blocks make one script for one shell.
"""
import re

PROMPT = re.compile(r'^cella:\S*# (.*)$')


def steps(readme):
    """[(command, expected lines)] of all console blocks."""
    found = []
    for block in re.findall(r'^```console\n(.*?)^```$', readme, re.M | re.S):
        for line in block.splitlines():
            if match := PROMPT.match(line):
                found.append((match.group(1), []))
            elif found:
                found[-1][1].append(line)
    return found


def script(steps_):
    """The commands as a shell script, with a line before and after each that tells its output apart."""
    return 'exec 2>&1\n' + ''.join(f"kept=$?; echo '@@step {number}@@'; (exit $kept)\n{command}\n" for number, (command, _) in enumerate(steps_)) \
        + "echo '@@step end@@'\n"


def outputs(text):
    """{step number: its output}."""
    parts = re.split(r'^@@step (\w+)@@\n', text, flags=re.M)
    return {int(number): output for number, output in zip(parts[1::2], parts[2::2]) if number != 'end'}
