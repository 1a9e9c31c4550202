"""boot/run's options: builds, puts the image together, boots. Started by boot/run, after boot/setup."""
import os
import shlex
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import build as building  # noqa: E402
import image as imaging  # noqa: E402
import machine  # noqa: E402

USAGE = """usage: boot/run [OPTION...]                  a root shell on this terminal; Ctrl-A X leaves
       boot/run [OPTION...] -- CMD ARG...   runs CMD in the root container and exits with its status
       boot/run [OPTION...] --script FILE   the same with a shell script of this machine

  --add HOST[:GUEST]     puts a file or folder of this machine into the root file system
  --image NAME=DIR|TAR   makes a folder or tar file available as a container image
  --server ROLE=BINARY   boots with another server in a role: a file, or the name of an alternative of the build
  --with FILE            a manifest's blocks in front of the boot manifest's: further servers, which need no others
  --memory MB            memory of the machine (default 256)
  --smp N                processors
  --disk FILE            a raw disk image
  --network              a network card, and QEMU's user network: the guest reaches this machine as 10.0.2.2
  --port HOST:GUEST      --network, and forwards a TCP port of this machine to the guest
  --icount               deterministic: time is counted in guest instructions
  --display              shows the guest's screen in a window
  --gdb                  waits for a debugger, and says how to start it
  --timeout S            ends the run after S seconds with status 124
  --option KEY=VALUE     a word for the kernel's command line
  --no-build             boots what was built last
  --build-only           builds and puts the image together, boots nothing

Exit status: CMD's; 124 timeout, 125 the guest died or could not be booted, 2 wrong options.
"""


class UsageError(Exception):
    """An option is wrong; the text names it."""


class Options:
    """What the command line says."""

    def __init__(self, arguments):
        self.adds, self.images, self.servers, self.disk, self.port, self.words = [], [], {}, [], [], []
        self.manifests = []
        self.memory, self.smp, self.timeout = 256, 1, 0.0
        self.network = self.icount = self.display = self.gdb = self.no_build = self.build_only = False
        self.script, self.command = None, None
        arguments = list(arguments)
        while arguments:
            option = arguments.pop(0)
            if option == '--':
                self.command = arguments
                break
            option, equals, value = option.partition('=')
            if option in ('--network', '--icount', '--display', '--gdb', '--no-build', '--build-only'):
                if equals:
                    raise UsageError(f'{option} takes no value')
                setattr(self, option[2:].replace('-', '_'), True)
                continue
            take = getattr(self, 'take_' + option[2:], None) if option.startswith('--') else None
            if take is None:
                hint = ' (a command comes after --)' if not option.startswith('-') else ''
                raise UsageError(f'unknown option {option}{hint}')
            if not equals:
                if not arguments:
                    raise UsageError(f'{option} wants a value')
                value = arguments.pop(0)
            take(value)
        if self.command is not None and not self.command:
            raise UsageError('-- wants a command')
        if self.script and self.command:
            raise UsageError('--script and -- exclude each other')
        self.is_job = bool(self.script or self.command)
        self.kernel_words = ['mode=job' if self.is_job else 'mode=console', *self.words]

    @staticmethod
    def number(option, value, low, high):
        if not value.isdigit() or not low <= int(value) <= high:
            raise UsageError(f'{option} {value}: want a number from {low} to {high}')
        return int(value)

    @staticmethod
    def existing(option, path):
        if not os.path.exists(path):
            raise UsageError(f'{option}: no such file: {path}')
        return os.path.abspath(path)

    def take_add(self, value):
        host, colon, guest = value.rpartition(':')
        if not colon:
            host, guest = value, '/'
        if not guest.startswith('/') or '..' in guest.split('/'):
            raise UsageError(f'--add {value}: the path in the guest is absolute, without ..')
        host = self.existing('--add', host)
        if guest.endswith('/'):
            guest += os.path.basename(host)
        self.adds.append((host, guest))

    def take_image(self, value):
        name, equals, source = value.partition('=')
        if not equals or not name or '/' in name or name in ('.', '..'):
            raise UsageError(f'--image {value}: want NAME=FOLDER or NAME=TAR')
        self.images.append((name, self.existing('--image', source)))

    def take_server(self, value):
        role, equals, program = value.partition('=')
        if not equals or not role or not program:
            raise UsageError(f'--server {value}: want ROLE=BINARY')
        self.servers[role] = program

    def take_with(self, value):
        self.manifests.append(self.existing('--with', value))

    def take_memory(self, value):
        self.memory = self.number('--memory', value, 16, 3072)

    def take_smp(self, value):
        self.smp = self.number('--smp', value, 1, 16)

    def take_disk(self, value):
        self.disk.append(self.existing('--disk', value))

    def take_port(self, value):
        host, colon, guest = value.partition(':')
        if not colon:
            raise UsageError(f'--port {value}: want HOST:GUEST')
        self.network = True
        self.port.append((self.number('--port', host, 1, 65535), self.number('--port', guest, 1, 65535)))

    def take_timeout(self, value):
        try:
            self.timeout = float(value)
        except ValueError:
            self.timeout = -1
        if not 0 < self.timeout < 1e6:
            raise UsageError(f'--timeout {value}: want seconds')

    def take_script(self, value):
        self.script = self.existing('--script', value)

    def take_option(self, value):
        if '=' not in value or any(character.isspace() for character in value):
            raise UsageError(f'--option {value}: want KEY=VALUE without spaces')
        self.words.append(value)

    def job(self):
        """The files that tell the guest what to run: /.boot/job is an argument vector, each ended by NUL."""
        if not self.is_job:
            return []
        files, command = [], self.command
        if self.script:
            with open(self.script, 'rb') as file:
                files.append(('/.boot/script', file.read()))
            command = ['sh', '/.boot/script']
        files.append(('/.boot/job', b''.join(os.fsencode(word) + b'\0' for word in command)))
        return files


def say_gdb(build):
    kernel, servers, _ = imaging.read_programs(build)
    print('boot/run: waiting for a debugger; in another terminal:\n'
          f"  gdb -ex 'target remote :1234' {shlex.quote(kernel)}\n"
          'symbols of a server, once it runs (all are linked to the same address; break by thread name):\n'
          f"  symbol-file {shlex.quote(servers.get('proc', 'SERVER'))}", file=sys.stderr)


def write(path, data):
    with open(path, 'wb') as file:
        file.write(data)


def main(arguments):
    if any(argument in ('--help', '-h') for argument in arguments[:arguments.index('--') if '--' in arguments else None]):
        print(USAGE, end='')
        return 0
    try:
        options = Options(arguments)
    except UsageError as error:
        print(f'boot/run: {error}', file=sys.stderr)
        return 2
    options.build = os.path.abspath(os.environ['CELLA_BUILD'])
    busybox = os.environ.get('CELLA_BUSYBOX') or os.path.join(os.environ['CELLA_CACHE'], 'i386/bin/busybox')
    folder = None
    try:
        if not options.no_build:
            building.build_all(os.path.dirname(HERE), options.build, ('guest',))
        imaging.check_manifest(options.build)
        kernel, root, archive = imaging.make(options.build, busybox, options.servers, options.adds, options.images, options.job(), options.manifests)
        if options.build_only:
            write(os.path.join(options.build, 'image.bin'), archive)
            return 0
        if kernel is None or root is None:
            raise imaging.ImageError('the build has no kernel or no root server')
        if len(archive) + len(root) > (options.memory - 8) << 20:
            raise imaging.ImageError(f'the image ({len(archive) >> 20} MiB) does not fit into {options.memory} MiB of memory')
        folder = tempfile.mkdtemp(prefix='run.', dir=options.build)
        os.symlink(kernel, os.path.join(folder, 'kernel.elf'))
        write(os.path.join(folder, 'root.elf'), root)
        write(os.path.join(folder, 'image.bin'), archive)
        if options.gdb:
            say_gdb(options.build)
        return (machine.run_job if options.is_job else machine.run_console)(options, folder)
    except (building.BuildError, imaging.ImageError, OSError) as error:
        print(f'boot/run: {error}', file=sys.stderr)
        return machine.STATUS_DIED
    except KeyboardInterrupt:
        return 130
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
