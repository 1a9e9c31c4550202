"""Tests of boot/'s Python: prints `ok NAME` per test, ends with 1 at the first that fails."""
import io
import os
import stat
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path[:0] = [os.path.join(TOP, 'boot'), os.path.join(TOP, 'tests')]
sys.dont_write_bytecode = True

import check_manifest  # noqa: E402
import image  # noqa: E402
import launch  # noqa: E402
import machine  # noqa: E402
import page  # noqa: E402
import tour  # noqa: E402


def entries(archive):
    """{path: (mode, uid, size, offset of the data)} of a newc archive."""
    found, position = {}, 0
    while True:
        head = archive[position:position + 110]
        assert head[:6] == b'070701', position
        fields = [int(head[6 + 8 * i:14 + 8 * i], 16) for i in range(13)]
        name = archive[position + 110:position + 110 + fields[11]].split(b'\0')[0].decode()
        data = (position + 110 + fields[11] + 3) & ~3
        position = (data + fields[6] + 3) & ~3
        if name == 'TRAILER!!!':
            return found
        found[name] = (fields[1], fields[2], fields[6], data)


def archive_of(made):
    output = io.BytesIO()
    made.write(output)
    return output.getvalue()


def test_files_begin_at_pages():
    made = image.Image()
    for number in range(40):
        made.file(f'root/folder{number % 3}/{"n" * number}x', bytes([number]) * (number * 500), 0o640, 7)
    made.link('root/link', 'target')
    archive = archive_of(made)
    found = entries(archive)
    for number in range(40):
        mode, uid, size, offset = found[f'root/folder{number % 3}/{"n" * number}x']
        assert (mode, uid, size) == (stat.S_IFREG | 0o640, 7, number * 500)
        assert size == 0 or offset % 4096 == 0
        assert archive[offset:offset + size] == bytes([number]) * size
    assert stat.S_ISLNK(found['root/link'][0])
    assert list(found) == sorted(found)
    for path in found:
        assert '/' not in path or path.rsplit('/', 1)[0] in found, 'parents are there'
    assert archive == archive_of(made), 'the same input gives the same bytes'


def test_later_entries_replace():
    made = image.Image()
    made.link('root/bin/sh', 'busybox')
    made.file('root/bin/sh', b'mine')
    assert stat.S_ISREG(entries(archive_of(made))['root/bin/sh'][0])


def test_namespaces_in_a_manifest():
    block = 'priority 180\nslots 10\nmemory 64K\nheap 64K\nrestart always\n'

    def faults(*lines):
        servers, found = check_manifest.parse('\n'.join(lines).splitlines())
        return found or check_manifest.check(servers)

    owner = ['server seed', block, 'provides namespace:seed badge 1']
    assert faults(*owner, 'server proc', block, 'needs namespaces') == []
    assert faults('server proc', block, 'needs namespaces', *owner) == [], 'those below are not given'
    assert faults('server seed', block, 'provides namespace:seed badge each')
    assert faults('server seed', block, 'provides namespace:a-name-too-long badge 1')
    assert faults('server proc', block, 'needs namespace:seed')


def test_trees_and_errors():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(folder + '/a/b')
        with open(folder + '/a/b/file', 'w') as file:
            file.write('text')
        os.symlink('b', folder + '/a/link')
        made = image.Image()
        made.tree('root/opt', folder)
        assert set(made.entries) >= {'root/opt/a/b/file', 'root/opt/a/link'}
        assert made.entries['root/opt/a/link'].data == b'b'
        try:
            made.tree('root/x', folder + '/nowhere')
        except image.ImageError as error:
            assert 'nowhere' in str(error)
        else:
            assert False


def log_of(pieces):
    passed = []
    log = machine.Log(passed.append)
    for piece in pieces:
        log.feed(piece)
    log.end()
    return b''.join(passed), log.status


def test_control_line():
    text = b'boot\nerr @@ce @@cella exit\nno newline@@cella exit 7@@\nafter\n'
    assert log_of([text]) == (b'boot\nerr @@ce @@cella exit\nno newlineafter\n', 7)
    for cut in range(len(text)):
        assert log_of([text[:cut], text[cut:]]) == log_of([text]), cut
    assert log_of([bytes([byte]) for byte in text]) == log_of([text])
    assert log_of([b'nothing@']) == (b'nothing@', None)
    assert log_of([b'@@cella exit 3@@']) == (b'', 3)
    assert log_of([b'@@cella exit 3@@\n', b'@@cella exit 130@@\n'])[1] == 130


def test_log_is_not_held_back():
    passed = []
    log = machine.Log(passed.append)
    log.feed(b'prompt> ')
    assert passed == [b'prompt> ']
    log.feed(b'user@host @@@')
    log.feed(b'x')
    assert b''.join(passed) == b'prompt> user@host @@@x'


def test_options():
    options = launch.Options(['--memory', '64', '--add', '/etc/passwd:/x/', '--smp=2', '--option', 'a=b', '--', 'ls', '--', '-l'])
    assert (options.memory, options.smp, options.command) == (64, 2, ['ls', '--', '-l'])
    assert options.adds == [('/etc/passwd', '/x/passwd')]
    assert options.kernel_words == ['mode=job', 'a=b']
    assert options.job() == [('/.boot/job', b'ls\0--\0-l\0')]
    assert launch.Options([]).kernel_words == ['mode=console']
    for wrong in (['--nonsense'], ['--'], ['--memory'], ['--memory', '1e3'], ['--icount=1'], ['--add', '/etc/passwd:relative'],
                  ['--add', '/etc:/a/../b'], ['--image', '../x=/etc'], ['--timeout', '-1'], ['--option', 'a b=c'], ['ls']):
        try:
            launch.Options(wrong)
        except launch.UsageError:
            continue
        assert False, wrong


def test_expected_output():
    assert page.compare(['a', '~ \\d+', '...', 'z'], 'a\n42\nb\nc\nz\n') is None
    assert page.compare(['a'], 'a') is None
    assert page.compare([], '') is None
    assert page.compare(['a.c'], 'abc\n') is not None
    assert page.compare(['a'], 'a\nb\n') is not None
    assert page.compare([], 'a\n') is not None
    assert page.missing_in_log(['one', '~ t.o'], 'x one y\ntwo\n') is None
    assert page.missing_in_log(['two', 'one'], 'one\ntwo\n') == 'one'


def test_tour():
    steps = tour.steps('text\n```console\ncella:~# echo a\na\ncella:~# true\n```\nmore\n```sh\nno\n```\n```console\ncella:/# b\n...\n```\n')
    assert steps == [('echo a', ['a']), ('true', []), ('b', ['...'])]
    output = '@@step 0@@\na\n@@step 1@@\n@@step 2@@\nx\n@@step end@@\n'
    assert tour.outputs(output) == {0: 'a\n', 1: '', 2: 'x\n'}


for name, function in list(globals().items()):
    if name.startswith('test_'):
        function()
        print('ok', name[5:], flush=True)
