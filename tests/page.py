"""A guest test is one page: what is proved, what to boot, and what must come out. tests/README.md has the format."""
import difflib
import os
import re
import shlex
import string


class PageError(Exception):
    """The page itself is wrong."""


class Page:
    """One file of tests/guest, read."""
    SECTIONS = ('script', 'command', 'expect', 'log', 'console', 'tour')

    def __init__(self, path, variables):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.status, self.timeout, self.boot, self.real_time = 0, 60.0, [], False
        self.sections = {}
        section, title = None, []
        with open(path, encoding='utf-8') as file:
            for number, line in enumerate(file, 1):
                if line.startswith('=== '):
                    section = line[4:].strip()
                    if section not in self.SECTIONS or section in self.sections:
                        raise PageError(f'{path}:{number}: no such section, or twice: {section}')
                    self.sections[section] = []
                elif section is not None:
                    self.sections[section].append(line.rstrip('\n'))
                elif match := re.match(r'# (boot|status|timeout|time): *(.*)', line):
                    self.header(match.group(1), string.Template(match.group(2).strip()).substitute(variables))
                elif line.strip():
                    title.append(line.strip())
        if not title:
            raise PageError(f'{path}: says in no words what it proves')
        if not {'script', 'command', 'console', 'tour'} & set(self.sections):
            raise PageError(f'{path}: nothing to run')
        self.title = ' '.join(title)

    def header(self, key, value):
        if key == 'boot':
            self.boot += shlex.split(value)
        elif key == 'status':
            self.status = int(value)
        elif key == 'time':
            if value != 'real':
                raise PageError(f'{self.name}: "# time: real" is the only other time there is')
            self.real_time = True
        else:
            self.timeout = float(value)

    def text(self, section):
        return ''.join(line + '\n' for line in self.sections.get(section, []))


def pattern(lines):
    """Expected lines as one regular expression: `~ REGEX` is a line by pattern, `...` any number of lines."""
    parts = []
    for line in lines:
        if line == '...':
            parts.append(r'(?:.*\n)*?')
        elif line.startswith('~ '):
            parts.append(f'(?:{line[2:]})\n')
        else:
            parts.append(re.escape(line) + '\n')
    return ''.join(parts)


def compare(expected, output):
    """None if the output is as the lines say, else the difference as text."""
    if output and not output.endswith('\n'):
        output += '\n'
    if re.fullmatch(pattern(expected), output):
        return None
    return '\n'.join(difflib.unified_diff(expected, output.splitlines(), 'expected', 'got', lineterm='', n=2))


def missing_in_log(expected, log):
    """The first of the lines that does not occur in the log after the one before it, or None."""
    position = 0
    for line in expected:
        if not line:
            continue
        match = re.compile(line[2:] if line.startswith('~ ') else re.escape(line)).search(log, position)
        if not match:
            return line
        position = match.end()
    return None
