#!/bin/sh
# guarded-child.sh <command> [args…]: runs the command until it ends, or until our stdin does. Whoever starts this holds
# the other end of stdin: whatever ends them, SIGKILL included, ends the command too.
exec 3<&0
"$@" 3<&- </dev/null &
child=$!

# A command that does not end on SIGTERM gets SIGKILL five seconds later.
{
  read -r _ <&3
  kill -TERM "$child"
  n=0
  while kill -0 "$child" && [ "$n" -lt 50 ]; do
    sleep 0.1
    n=$((n + 1))
  done
  kill -KILL "$child"
} >/dev/null 2>&1 &
watcher=$!

exec 3<&-
wait "$child"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
