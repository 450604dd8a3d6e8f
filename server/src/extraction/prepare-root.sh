#!/bin/sh
# Run once by the process that starts the readers, in a mount namespace of its own (sandbox.ts): builds the root that
# readers are shut into, then becomes the command behind `--`.
#
#   prepare-root.sh <folder to build it on> <"run" or "read"> <path> … -- <command> <argument> …
#
# Each path appears in the new root where it is now, read-only; "read" ones cannot be executed. Outer folders come before
# what lies in them. A step that fails ends the start: a root that is half there must not pass for one.
set -e
root=$1
shift
mount -n -t tmpfs -o mode=0755,nosuid,nodev,size=1m wharf "$root"
while [ "$1" != -- ]; do
  flags=ro,nosuid,nodev
  [ "$1" = run ] || flags=$flags,noexec
  path=$2
  shift 2
  # What is there already lies in a folder that came before.
  if [ -d "$path" ]; then
    [ -d "$root$path" ] || mkdir -p "$root$path"
  elif [ ! -e "$root$path" ]; then
    mkdir -p "$root${path%/*}"
    : >"$root$path"
  fi
  mount -n --bind -o "$flags" "$path" "$root$path"
done
shift
mount -n -o remount,bind,ro,nosuid,nodev "$root"
exec "$@"
