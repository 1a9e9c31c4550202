#!/usr/bin/env python3
"""Checks a boot manifest: every need has a provider, calls go uphill only, and what root would refuse at boot is refused here.

Usage: check_manifest.py FILE [IMAGE-SERVER...]   (the names given must each have a block if any are given)
Exits 0 in silence, or 1 with one line per fault on stderr.
"""
import re
import sys

ROOT_PROVIDES = {'memory', 'supervisor', 'sched-control', 'boot-image', 'debug'}
SIZE = re.compile(r'^(\d+)([KMG]?)$')
FACTORS = {'': 1, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}
NEEDS_MAXIMUM = 48
NAMESPACE = re.compile(r'^namespace:[A-Za-z0-9_-]{1,12}$')


def size_of(text):
    match = SIZE.match(text)
    return int(match.group(1)) * FACTORS[match.group(2)] if match else None


def parse(lines):
    """Returns (servers, faults): servers is a list of dictionaries in file order."""
    servers, faults = [], []
    for number, line in enumerate(lines, 1):
        words = line.split('#', 1)[0].split()
        if not words:
            continue
        key, values = words[0], words[1:]
        if key == 'server':
            if len(values) != 1:
                faults.append(f'line {number}: server takes one name')
                continue
            if any(server['name'] == values[0] for server in servers):
                faults.append(f'line {number}: a second server {values[0]}')
            servers.append({'name': values[0], 'line': number, 'needs': [], 'provides': []})
            continue
        if not servers:
            faults.append(f'line {number}: {key} stands before the first server')
            continue
        server = servers[-1]
        if key == 'needs':
            server['needs'] += [(need, number) for need in values]
        elif key == 'provides':
            if values and values[0].startswith('namespace:') and not NAMESPACE.match(values[0]):
                faults.append(f'line {number}: want: provides namespace:NAME, a name of 1 to 12 letters, digits, - or _')
            elif values and values[0].startswith('namespace:') and values[2:] == ['each']:
                faults.append(f'line {number}: {values[0]} has a badge of its own: 1..15')
            good = len(values) == 3 and values[1] == 'badge' and (values[2] == 'each' or values[2].isdigit() and 1 <= int(values[2]) <= 15)
            if not good:
                faults.append(f'line {number}: want: provides NAME badge 1..15|each')
            else:
                server['provides'].append((values[0], values[2]))
        elif key in ('priority', 'slots'):
            low, high = (1, 239) if key == 'priority' else (8, 18)
            if len(values) != 1 or not values[0].isdigit() or not low <= int(values[0]) <= high:
                faults.append(f'line {number}: {key} takes a number from {low} to {high}')
            server[key] = values[0]
        elif key in ('memory', 'heap'):
            size = size_of(values[0]) if len(values) == 1 else None
            if not size or size % 4096 or (key == 'memory' and size & (size - 1)):
                faults.append(f'line {number}: {key} takes a size in whole pages' + (', a power of two' if key == 'memory' else ''))
            server[key] = size
        elif key == 'restart':
            if values not in (['always'], ['never']):
                faults.append(f'line {number}: restart takes always or never')
            server[key] = values[0] if values else ''
        else:
            faults.append(f'line {number}: unknown word {key}')
    return servers, faults


def check(servers):
    faults, provider = [], {}
    for server in servers:
        for name, _ in server['provides']:
            if name in ROOT_PROVIDES or name in provider:
                owner = provider.get(name, 'root')
                faults.append(f"{server['name']} provides {name}, which {owner} provides already")
            provider[name] = server['name']
        for key in ('priority', 'slots', 'memory', 'heap', 'restart'):
            if key not in server:
                faults.append(f"server {server['name']} (line {server['line']}) has no {key}")
    kinds = [(name, index) for index, server in enumerate(servers) for name, _ in server['provides'] if name.startswith('namespace:')]
    for index, server in enumerate(servers):
        above = sum(place < index for _, place in kinds)
        if sum(above if need == 'namespaces' else 1 for need, _ in server['needs']) > NEEDS_MAXIMUM:
            faults.append(f"server {server['name']} needs more than {NEEDS_MAXIMUM} capabilities")
    place = {server['name']: index for index, server in enumerate(servers)}
    for server in servers:
        for need, line in server['needs']:
            if need == 'namespaces':  # whatever of them stands above
                continue
            if need in ROOT_PROVIDES or re.match(r'^irq:(\d|1[0-5])$', need):
                continue
            ports = re.match(r'^ports:(0x[0-9a-f]+|\d+)-(0x[0-9a-f]+|\d+)$', need)
            if ports:
                if not 0 <= int(ports.group(1), 0) <= int(ports.group(2), 0) <= 0xffff:
                    faults.append(f"line {line}: {server['name']} needs {need}: not a range of ports")
                continue
            if need not in provider:
                faults.append(f"line {line}: {server['name']} needs {need}, which no server provides")
            elif place[provider[need]] >= place[server['name']]:
                faults.append(f"line {line}: {server['name']} needs {need} of {provider[need]}, which stands below it: "
                              f"{server['name']} -> {provider[need]} would be a call downhill")
    return faults


def main(arguments):
    path = arguments[1] if len(arguments) > 1 else 'boot/manifest'
    with open(path, encoding='utf-8') as file:
        servers, faults = parse(file.read().splitlines())
    if not faults:
        faults = check(servers)
    for name in arguments[2:]:
        if not any(server['name'] == name for server in servers):
            faults.append(f'the image has a server {name} that the manifest does not name')
    for fault in faults:
        print(f'{path}: {fault}', file=sys.stderr)
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
