#!/usr/bin/env bash
# The card and the machine outside: an address by DHCP at boot, --port to a server in the guest, the guest at servers of this machine,
# the card in another network namespace and home again, and no card without the option.
set -u
build=${CELLA_BUILD:-$(dirname "$BOOT_RUN")/../build}
failures=0
check() { if [ "$2" != "$3" ]; then echo "$1: expected [$2], got [$3]"; failures=$((failures + 1)); fi; }
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; rm -rf "$folder"' EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# An HTTP server for $folder/www, and a name server that knows one name, on ports of their choice.
mkdir "$folder/www"; head -c 1048576 /dev/urandom > "$folder/www/file"
cat > "$folder/servers.py" << 'END'
import functools, http.server, os, socket, struct, sys, threading
folder = sys.argv[1]
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(('127.0.0.1', 0))
def answer():
    while True:
        query, sender = names.recvfrom(512)
        question, kind = query[12:query.index(0, 12) + 5], struct.unpack('!H', query[query.index(0, 12) + 1:][:2])[0]
        known = question.startswith(b'\4host\4test\0')
        record = b'\xc0\x0c' + struct.pack('!HHIH', 1, 1, 60, 4) + bytes([192, 0, 2, 7]) if known and kind == 1 else b''
        names.sendto(query[:2] + struct.pack('!HHHHH', 0x8180 | (0 if known else 3), 1, 1 if record else 0, 0, 0) + question + record, sender)
threading.Thread(target=answer, daemon=True).start()
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=folder + '/www'))
with open(folder + '/ports.new', 'w') as file: file.write(f'{server.server_port} {names.getsockname()[1]}')
os.rename(folder + '/ports.new', folder + '/ports')
server.serve_forever()
END
python3 "$folder/servers.py" "$folder" &
for _ in $(seq 100); do [ -e "$folder/ports" ] && break; sleep 0.1; done
read -r http names < "$folder/ports"
sum=$(md5sum < "$folder/www/file"); sum=${sum%% *}

cat > "$folder/inside.sh" << END
echo "address \$(ip -o -4 addr show eth0 | awk '{ print \$4 }')"
echo "route \$(ip route | awk '/^default/ { print \$3, \$5 }')"
echo "resolver \$(cat /etc/resolv.conf)"
echo "fetched \$(wget -q -O - http://10.0.2.2:$http/file | md5sum | cut -c1-32)"
echo "named \$(nslookup -type=a host.test 10.0.2.2:$names | awk '/^Address: / { print \$2 }')"
nslookup -type=a nobody.test 10.0.2.2:$names > /dev/null 2>&1; echo "unknown name \$?"
echo "arping \$(arping -c 1 -I eth0 10.0.2.2 | grep -c reply)"
mkdir -p /www/cgi-bin
printf '#!/bin/sh\necho; touch /www/stop\n' > /www/cgi-bin/stop; chmod +x /www/cgi-bin/stop
head -c 20000 /www/file > /www/small
httpd -p 80 -h /www
echo ready
until [ -e /www/stop ]; do sleep 0.1; done
echo stopped
END
port=$(free_port)
rm -f "$folder/out" # written by a process in the background: what the last guest said must not be taken for this one's
"$BOOT_RUN" --no-build --timeout 150 --port "$port:80" --add "$folder/www/file:/www/file" --script "$folder/inside.sh" < /dev/null > "$folder/out" 2> "$folder/err" &
guest=$!
for _ in $(seq 600); do grep -qs ready "$folder/out" && break; kill -0 $guest 2> /dev/null || break; sleep 0.1; done
check 'from inside' "address 10.0.2.15/24
route 10.0.2.2 eth0
resolver nameserver 10.0.2.3
fetched $sum
named 192.0.2.7
unknown name 1
arping 1
ready" "$(cat "$folder/out")"
cat > "$folder/client.py" << 'END'
import concurrent.futures, hashlib, sys, urllib.request
base, whole = f'http://127.0.0.1:{sys.argv[1]}/', open(sys.argv[2], 'rb').read()
def fetch(name, expected):
    try:
        with urllib.request.urlopen(base + name, timeout=60) as answer:
            return hashlib.md5(answer.read()).digest() == hashlib.md5(expected).digest()
    except OSError as error:
        return str(error)
print('one', fetch('file', whole))
print('in a row', {fetch('small', whole[:20000]) for _ in range(100)})
with concurrent.futures.ThreadPoolExecutor(20) as pool:
    print('at once', set(pool.map(lambda _: fetch('file', whole), range(20))))
fetch('cgi-bin/stop', b'')
END
check 'from outside' "one True
in a row {True}
at once {True}" "$(timeout 140 python3 "$folder/client.py" "$port" "$folder/www/file")"
wait $guest; check 'guest' 0 $?
check 'the end' stopped "$(tail -1 "$folder/out")"

# The same server in a container with a network of its own: the port is published, the outside and its names are reached through NAT.
cat > "$folder/container.sh" << END
ctool network create private --nat > /dev/null
ctool create web --network private --publish 80:80 busybox sh httpd wget md5sum cut nslookup awk mkdir printf chmod touch sleep cat head > /dev/null
ctool run web sh -c '
    mkdir -p /www/cgi-bin; wget -q -O /www/file http://10.0.2.2:$http/file
    echo "fetched \$(md5sum < /www/file | cut -c1-32)"
    echo "named \$(nslookup -type=a host.test 10.0.2.2:$names | awk "/^Address: / { print \\\$2 }")"
    printf "#!/bin/sh\\necho; touch /www/stop\\n" > /www/cgi-bin/stop; chmod +x /www/cgi-bin/stop
    head -c 20000 /www/file > /www/small
    httpd -p 80 -h /www
    echo ready
    until [ -e /www/stop ]; do sleep 0.1; done'
echo stopped
END
port=$(free_port)
rm -f "$folder/out" # written by a process in the background: what the last guest said must not be taken for this one's
"$BOOT_RUN" --no-build --timeout 150 --port "$port:80" --script "$folder/container.sh" < /dev/null > "$folder/out" 2> "$folder/err" &
guest=$!
for _ in $(seq 600); do grep -qs ready "$folder/out" && break; kill -0 $guest 2> /dev/null || break; sleep 0.1; done
check 'from a container' "fetched $sum
named 192.0.2.7
ready" "$(cat "$folder/out")"
check 'from outside into a container' "one True
in a row {True}
at once {True}" "$(timeout 140 python3 "$folder/client.py" "$port" "$folder/www/file")"
wait $guest; check 'guest with a container' 0 $?
check 'the container ends' stopped "$(tail -1 "$folder/out")"

# The card belongs to one namespace, which may be another than the first, and comes home when that ends.
cat > "$folder/move.sh" << END
unshare -n sleep 1000 & sleep 0.5
pid=\$!
ip link set eth0 netns \$pid || exit 1
echo "here \$(grep -c eth0 /proc/net/dev)"
nsenter -t \$pid -n udhcpc -i eth0 -n -q 2> /dev/null
echo "there \$(nsenter -t \$pid -n wget -q -O - http://10.0.2.2:$http/file | md5sum | cut -c1-32)"
wget -q -O - http://10.0.2.2:$http/file > /dev/null 2>&1; echo "here \$?"
kill \$pid; wait \$pid 2> /dev/null
for i in 1 2 3 4 5 6 7 8 9; do grep -q eth0 /proc/net/dev && break; sleep 0.1; done
udhcpc -i eth0 -n -q 2> /dev/null
echo "home \$(wget -q -O - http://10.0.2.2:$http/file | md5sum | cut -c1-32)"
END
check 'the card moves' "here 0
there $sum
here 1
home $sum" "$("$BOOT_RUN" --no-build --timeout 60 --network --script "$folder/move.sh" < /dev/null 2> "$folder/err")"

# The driver dies in the middle of a transfer: the next one goes on with it, and the connection with both.
echo "wget -q -O - http://10.0.2.2:$http/file | md5sum | cut -c1-32; wget -q -O - http://10.0.2.2:$http/file | md5sum | cut -c1-32" > "$folder/twice.sh"
check 'the driver dies' "$sum
$sum" "$("$BOOT_RUN" --no-build --timeout 90 --network --server "virtio_net=$build/servers/drivers/virtio_net/virtio_net-failing" --script "$folder/twice.sh" < /dev/null 2> "$folder/err")"
check 'the driver died' 1 "$(grep -c 'virtio_net died' "$folder/err")"

check 'no card' 'lo:' "$("$BOOT_RUN" --no-build --timeout 60 -- awk 'NR > 2 { print $1 }' /proc/net/dev < /dev/null 2> /dev/null)"
exit $((failures > 0))
