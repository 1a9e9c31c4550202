#!/usr/bin/env bash
# boot/run --image: a folder and a tar file of this machine are images for containers; what a container writes stays in the container.
set -u
failures=0
check() { if [ "$2" != "$3" ]; then echo "$1: expected [$2], got [$3]"; failures=$((failures + 1)); fi; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/tree/etc" "$folder/tree/srv/deep"
echo 'from a folder' > "$folder/tree/etc/motd"; chmod 640 "$folder/tree/etc/motd"
ln -s ../../etc/motd "$folder/tree/srv/deep/link"
mkdir "$folder/other"; head -c 300000 /dev/urandom > "$folder/other/blob"
tar -C "$folder/other" -cf "$folder/other.tar" .
sum=$(md5sum < "$folder/other/blob" | cut -d' ' -f1)
cat > "$folder/script" <<'SCRIPT'
ctool create one -p 8 -d 4M -m 8M --image site busybox sh cat ls || exit 1
ctool run one cat /srv/deep/link
ctool run one ls -l /etc/motd | cut -c1-10
ctool run one sh -c 'echo mine > /etc/motd; cat /etc/motd'
ctool create two -p 8 -d 4M -m 8M --image site cat || exit 1
ctool run two cat /etc/motd
ctool create three -p 8 -d 4M -m 8M --image blob busybox md5sum || exit 1
ctool run three md5sum /blob
ctool create four --image nosuch sh; echo "$?"
ctool create four --image ../etc sh; echo "$?"
echo $(ls /containers)
SCRIPT
output=$("$BOOT_RUN" --no-build --timeout 60 --image site="$folder/tree" --image blob="$folder/other.tar" --script "$folder/script" < /dev/null 2> "$folder/err")
check 'what the containers say' "one|from a folder|-rw-r-----|mine|two|from a folder|three|$sum  /blob|125|125|one three two" "$(echo "$output" | paste -sd '|')"
check 'no such image' 1 "$(grep -c 'ctool: create four: no image nosuch: there are blob, site' "$folder/err")"
truncate -s 130M "$folder/other/blob" # as large as an image of Debian's packages
check 'a large image' fine "$("$BOOT_RUN" --no-build --timeout 60 --memory 512 --image large="$folder/other" -- echo fine < /dev/null 2>> "$folder/err")"
check 'no way out' 1 "$(grep -c 'ctool: create four: no image ../etc' "$folder/err")"
[ $failures = 0 ] || cat "$folder/err"
exit $((failures > 0))
