"""Makes the boot image: a cpio archive (newc) of the server programs, the manifest and the root file system.

The data of every file begins at a page boundary, so that servers can map it where it lies: the name of the entry is
filled up with NULs until it does (its size counts them; a reader takes the name up to the first NUL). The same input
gives the same bytes: entries are sorted, times are fixed.

    manifest            the boot manifest, see boot/manifest
    servers/NAME        a server's program, stripped
    root/...            the root file system
"""
import io
import os
import stat
import subprocess
import tarfile

import check_manifest as manifest_checker

PAGE = 4096
TIME = 1767225600  # 2026-01-01: every file's time
HERE = os.path.dirname(os.path.abspath(__file__))
LARGEST = 256 << 20  # from ipc::server_address::boot_image to server_address::window


class ImageError(Exception):
    """Something asked for cannot be put into the image; the text says what and why."""


class Entry:
    """One file: mode with type bits, owner, and its bytes (a symbolic link's target; empty for others)."""
    __slots__ = ('mode', 'uid', 'gid', 'data', 'device')

    def __init__(self, mode, data=b'', uid=0, gid=0, device=0):
        self.mode, self.data, self.uid, self.gid, self.device = mode, data, uid, gid, device


class Image:
    """The archive while it is put together: path (no leading slash) -> Entry. A later entry replaces an earlier one."""

    def __init__(self):
        self.entries = {}

    def folder(self, path, mode=0o755, uid=0, gid=0):
        self.entries[path] = Entry(stat.S_IFDIR | mode, b'', uid, gid)

    def file(self, path, data, mode=0o644, uid=0, gid=0):
        self.parents(path)
        self.entries[path] = Entry(stat.S_IFREG | mode, data, uid, gid)

    def link(self, path, target):
        self.parents(path)
        self.entries[path] = Entry(stat.S_IFLNK | 0o777, target.encode())

    def parents(self, path):
        while '/' in path:
            path = path.rsplit('/', 1)[0]
            if path in self.entries:
                break
            self.folder(path)

    def tree(self, path, source):
        """A host file or folder with all below it; owners become root. Links are kept inside, followed at the top."""
        try:
            if not os.path.isdir(source):
                with open(source, 'rb') as file:
                    self.file(path, file.read(), stat.S_IMODE(os.stat(source).st_mode))
                return
            self.parents(path + '/')
            self.folder(path, stat.S_IMODE(os.stat(source).st_mode))
            for name in sorted(os.listdir(source)):
                below, inside = os.path.join(source, name), path + '/' + name
                status = os.lstat(below)
                if stat.S_ISLNK(status.st_mode):
                    self.link(inside, os.readlink(below))
                elif stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode):
                    self.tree(inside, below)
                elif not stat.S_ISSOCK(status.st_mode):
                    self.entries[inside] = Entry(status.st_mode, b'', 0, 0, status.st_rdev)
        except OSError as error:
            raise ImageError(f'{error.filename or source}: {error.strerror}') from None

    def tar(self, path, source):
        """The files of a tar archive, with their owners."""
        self.parents(path + '/')
        self.folder(path)
        try:
            with tarfile.open(source) as archive:
                for member in archive:
                    name = os.path.normpath(member.name).lstrip('/')
                    if name in ('.', '') or name == '..' or name.startswith('../'):
                        continue
                    inside = path + '/' + name
                    if member.isdir():
                        self.parents(inside)
                        self.folder(inside, member.mode, member.uid, member.gid)
                    elif member.issym():
                        self.link(inside, member.linkname)
                    elif member.isfile() or member.islnk():
                        self.file(inside, archive.extractfile(member).read(), member.mode, member.uid, member.gid)
        except (OSError, tarfile.TarError) as error:
            raise ImageError(f'{source}: not a folder and not a tar archive ({error})') from None

    def write(self, output):
        """Writes the archive to a binary file object."""
        position = 0
        inode = 0
        devices = (0, 0)
        for path in sorted(self.entries):
            entry = self.entries[path]
            inode += 1
            name = path.encode() + b'\0'
            data = entry.data
            if stat.S_ISREG(entry.mode) and data:
                name += b'\0' * (-(position + 110 + len(name)) % PAGE)
            position += self.record(output, entry, inode, name, data, devices)
        self.record(output, Entry(0), 0, b'TRAILER!!!\0', b'', devices)

    @staticmethod
    def record(output, entry, inode, name, data, devices):
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        fields = (inode, entry.mode, entry.uid, entry.gid, links, TIME, len(data), *devices,
                  os.major(entry.device), os.minor(entry.device), len(name), 0)
        head = b'070701' + b''.join(b'%08X' % field for field in fields) + name
        head += b'\0' * (-len(head) % 4)
        data += b'\0' * (-len(data) % 4)
        output.write(head)
        output.write(data)
        return len(head) + len(data)


def read_programs(build):
    """What boot/meson.build tells: kernel file, {server: file}, {guest path: file}."""
    kernel, servers, programs = None, {}, {}
    with open(os.path.join(build, 'boot', 'programs.list')) as file:
        for line in file:
            if not line.strip():
                continue
            kind, name, path = line.rstrip('\n').split(' ', 2)
            if kind == 'kernel':
                kernel = path
            else:
                (servers if kind == 'server' else programs)[name] = path
    return kernel, servers, programs


def stripped(build, path):
    """The program without its symbols, as bytes. Kept in the build directory and made anew when the program changes."""
    folder = os.path.join(build, 'stripped')
    copy = os.path.join(folder, path.strip('/').replace('/', '%'))
    try:
        original = os.stat(path).st_mtime_ns
        if not os.path.exists(copy) or os.stat(copy).st_mtime_ns != original:
            os.makedirs(folder, exist_ok=True)
            fresh = f'{copy}.{os.getpid()}'
            subprocess.run(['strip', '--strip-all', '-o', fresh, path], check=True, capture_output=True)
            os.utime(fresh, ns=(original, original))
            os.rename(fresh, copy)
        with open(copy, 'rb') as file:
            return file.read()
    except OSError as error:
        raise ImageError(f'{path}: {error.strerror}') from None
    except subprocess.CalledProcessError as error:
        raise ImageError(f'{path}: cannot strip it: {error.stderr.decode().strip()}') from None


def applets(build, busybox):
    """Where busybox's applets stand, as 'usr/bin/wc'. It is asked once: the answer is kept in the build directory."""
    kept = os.path.join(build, 'applets.list')
    if not os.path.exists(kept) or os.stat(kept).st_mtime < os.stat(busybox).st_mtime:
        try:
            text = subprocess.run([busybox, '--list-full'], check=True, capture_output=True, text=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise ImageError(f'{busybox} does not run here ({error}): this machine must run 32-bit programs') from None
        with open(kept, 'w') as file:
            file.write(text)
    with open(kept) as file:
        return [line.strip() for line in file if '/' in line]


def root_file_system(image, build, busybox, programs):
    """Debian's busybox, links for its applets, boot/rootfs, and the programs of user/."""
    for path in ('bin', 'sbin', 'usr', 'usr/bin', 'usr/sbin', 'etc', 'home', 'proc', 'sys', 'sys/class', 'dev', 'run', 'var',
                 'var/log', 'mnt', 'data', 'containers', 'images'):
        image.folder('root/' + path)
    image.folder('root')
    image.link('root/sys/class/net', '/proc/self/net/class')  # as in a mounted sysfs
    image.folder('root/root', 0o700)
    image.folder('root/tmp', 0o1777)
    image.folder('root/var/tmp', 0o1777)
    image.folder('root/home/user', 0o755, 1000, 1000)
    with open(busybox, 'rb') as file:
        image.file('root/bin/busybox', file.read(), 0o755)
    for path in applets(build, busybox):
        if 'root/' + path not in image.entries:
            image.link('root/' + path, os.path.relpath('/bin/busybox', '/' + os.path.dirname(path)))
    image.tree('root/etc', os.path.join(HERE, 'rootfs', 'etc'))
    for path, program in programs.items():
        image.file('root' + path, stripped(build, program), 0o755)


def make(build, busybox, replaced, adds, images, job, manifests=()):
    """Puts an image together.

    replaced: {role: program file}; adds: [(host path, guest path)]; images: [(name, folder or tar)];
    job: None or [(guest path, bytes)] for this run; manifests: files whose blocks come before the boot manifest's. Returns (kernel file, root's program as bytes, image as bytes).
    """
    kernel, servers, programs = read_programs(build)
    for role, program in replaced.items():
        if role not in servers:
            raise ImageError(f'--server {role}: no such role; there are: {" ".join(sorted(servers))}')
        if '/' not in program and program in servers:
            program = servers[program]
        if not os.path.isfile(program):
            raise ImageError(f'--server {role}: {program} is neither a file nor a server of the build')
        with open(program, 'rb') as file:
            head = file.read(20)
        if head[:5] != b'\x7fELF\x01' or head[18:20] != b'\x03\0':
            raise ImageError(f'--server {role}: {program} is not an i386 ELF program')
        servers[role] = os.path.abspath(program)
    image = Image()
    manifest = os.path.join(HERE, 'manifest')
    if os.path.isfile(manifest):
        text = b''
        for path in [*manifests, manifest]:
            with open(path, 'rb') as file:
                text += file.read().rstrip() + b'\n\n'
        servers_named, faults = manifest_checker.parse(text.decode().splitlines())
        if manifests and (faults := faults or manifest_checker.check(servers_named)):
            raise ImageError('--with: ' + '; '.join(faults))
        image.file('manifest', text)
    for name, program in servers.items():
        if name != 'root':
            image.file('servers/' + name, stripped(build, program), 0o755)
    root_file_system(image, build, busybox, programs)
    for host, guest in adds:
        image.tree('root/' + guest.strip('/'), host)
    for name, source in images:
        if os.path.isdir(source):
            image.tree('root/images/' + name, source)
        else:
            image.tar('root/images/' + name, source)
    for path, data in job or ():
        image.file('root' + path, data)
    output = io.BytesIO()
    image.write(output)
    if (length := output.tell()) > LARGEST:
        raise ImageError(f'the boot image would have {length >> 20} MiB, and servers see {LARGEST >> 20} MiB of it at most: '
                         'take something out of --add or --image')
    root = stripped(build, servers['root']) if 'root' in servers else None
    return kernel, root, output.getvalue()


def check_manifest(build):
    """Runs boot/check_manifest.py when it or the manifest changed since it was last content."""
    checker, manifest = os.path.join(HERE, 'check_manifest.py'), os.path.join(HERE, 'manifest')
    if not os.path.isfile(checker) or not os.path.isfile(manifest):
        return
    stamp = os.path.join(build, 'manifest.checked')
    newest = max(os.stat(checker).st_mtime, os.stat(manifest).st_mtime)
    if os.path.exists(stamp) and os.stat(stamp).st_mtime > newest:
        return
    result = subprocess.run(['/usr/bin/env', 'python3', '-B', checker, manifest], capture_output=True, text=True)
    if result.returncode != 0:
        raise ImageError((result.stdout + result.stderr).strip() or 'the manifest is not sound')
    with open(stamp, 'w'):
        pass
