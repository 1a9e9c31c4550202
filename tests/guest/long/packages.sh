#!/usr/bin/env bash
# Debian's own i386 packages, dynamically linked and unmodified, as the image of a container (boot/packages): bash, coreutils, perl, Python, SQLite.
# Fetches about 20 MB.
set -u
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"$(dirname "$BOOT_RUN")/packages" "$folder/debian.tar" bash coreutils diffutils python3 perl-base sqlite3 || exit 1
cat > "$folder/script" <<'SCRIPT'
ctool create deb --image debian -p 64 -m 64M -d 100M > /dev/null || exit 1
ctool run deb bash -c 'echo pid $$; ls -ld /etc | cut -c1-10; seq 1 20000 | sort -R | sort -n | tail -1
    coproc cat; echo through a coprocess >&${COPROC[1]}; read line <&${COPROC[0]}; echo $line; diff <(echo a) <(echo b); wc -l < <(seq 10)'
ctool run deb sqlite3 /tmp/database 'create table t(a, b); insert into t values(1, "x"), (2, "y"); select * from t;'
ctool run deb perl -e 'my $p = fork; if (!$p) { exit 3 } wait; print $? >> 8, "\n"; $SIG{ALRM} = sub { print "alarm\n"; exit 0 }; alarm 1; sleep 5'
ctool run deb python3 -S -c '
import threading, subprocess, mmap, os, tempfile, select, socket
lock, count = threading.Lock(), [0]
def work():
    for i in range(200):
        with lock: count[0] += 1
threads = [threading.Thread(target=work) for i in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print(count)
done = subprocess.run(["bash", "-c", "echo from a subprocess; exit 4"], capture_output=True)
print(done.stdout, done.returncode)
memory = mmap.mmap(-1, 8192); child = os.fork()
if child == 0:
    memory[5001] = 9; os._exit(0)
os.waitpid(child, 0); print("shared", memory[5001])
file = tempfile.TemporaryFile(); file.write(b"x" * 100000); file.seek(99999); print(file.read())
poll, (end, other) = select.poll(), os.pipe()
poll.register(end); os.write(other, b"z"); print(poll.poll(10) == [(end, 1)])
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
client = socket.create_connection(server.getsockname()); accepted, address = server.accept()
client.sendall(b"over the loopback"); print(accepted.recv(99))
try: os.stat("/nowhere")
except OSError as error: print(error)
'
SCRIPT
output=$("$BOOT_RUN" --no-build --memory 512 --timeout 200 --image debian="$folder/debian.tar" --script "$folder/script" < /dev/null 2> "$folder/err"); status=$?
expected="pid 1
drwxr-xr-x
20000
through a coprocess
1c1
< a
---
> b
10
1|x
2|y
3
alarm
[1600]
b'from a subprocess\\n' 4
shared 9
b'x'
True
b'over the loopback'
[Errno 2] No such file or directory: '/nowhere'"
[ "$status" = 0 ] && [ "$output" = "$expected" ] && exit 0
diff <(echo "$expected") <(echo "$output"); cat "$folder/err"; echo "status $status"; exit 1
