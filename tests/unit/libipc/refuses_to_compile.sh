#!/bin/sh
# refuses_to_compile.sh SOURCE_ROOT FILE TEXT: passes if the compiler refuses FILE and its message contains TEXT.
output=$(g++ -std=c++23 -fsyntax-only -DCELLA_HOST_TEST=1 -I"$1" -I"$1/libipc" "$2" 2>&1) && { echo "it compiled"; exit 1; }
case $output in
*"$3"*) exit 0 ;;
esac
echo "$output"
exit 1
