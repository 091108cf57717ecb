#!/bin/busybox sh
# The guest's only process of its own. What it is to do stands in /plan, a list of calls of the functions below.
# Everything the host is to know goes to the second serial port, a line each, where no message of the kernel gets in
# between; programs' errors go to the first, the console.

/bin/busybox mkdir -p /proc /sys /dev /host /cgroup
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/null >/dev/console 2>&1
stty -F /dev/ttyS1 raw

tell() { echo "$*" >/dev/ttyS1; }
fail() {
  tell "failed $*"
  poweroff -f
}

# The host's own end may come first, and nobody else would end this guest then.
(
  sleep 1500
  echo o >/proc/sysrq-trigger
) &

# The host's programs, with this guest's devices and nothing of the host's environment.
mount_host() {
  mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=mmap,msize=262144 host /host || fail "mounting the host's files"
  mount --bind /dev /host/dev
  mount --bind /sys /host/sys
  mount -t proc proc /host/proc
}
host() { env -i chroot /host "$@"; }

# Only on what does not rotate does the kernel keep clusters of swap, which it discards when they are free; a virtio
# disk does not say whether it does.
swap_on() {
  swap=$1
  echo 0 >"/sys/block/${swap#/dev/}/queue/rotational"
  mkswap "$swap" >/dev/null && swapon -d "$swap" || fail "swapon $swap"
}

# connect PORT PROGRAM: the host's loopback is 10.0.2.2 here.
connect() {
  ifconfig lo 127.0.0.1 up
  ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up || fail "no network"
  host "$2" 10.0.2.2 "$1" /dev/nbd0 -connections 2 -swap || fail "connecting to port $1"
}
disconnect() { host "$1" -d /dev/nbd0 || fail "disconnecting"; }

# run NAME PROGRAM ARGUMENT...: the script is /workloads/NAME.
run() {
  name=$1
  shift
  if result=$(host "$@" </workloads/"$name"); then tell "result $name $result"; else fail "$name with status $?"; fi
}

# confine BYTES: what runs from here on has that much memory.
confine() {
  mount -t cgroup2 none /cgroup
  echo +memory >/cgroup/cgroup.subtree_control
  mkdir /cgroup/small
  echo "$1" >/cgroup/small/memory.max
  echo $$ >/cgroup/small/cgroup.procs
}

count_swapped() { grep -E '^pswp(in|out) ' /proc/vmstat >/dev/ttyS1; }

# The kernel discards whole clusters of freed swap only, so some pages are left to us.
swap_off() {
  swapoff "$swap" && blkdiscard "$swap" || fail "giving swap back"
}

# endure DISK MKFS PROGRAM ARGUMENT...: a file system on DISK, whose files the program changes, and reports, until the
# host ends it all. What is not made durable goes to the disk soon all the same, as it does on a busy system.
endure() {
  disk=$1 mkfs=$2
  shift 2
  host "$mkfs" -q "$disk" && mount -t ext4 "$disk" /host/mnt || fail "making a file system on $disk"
  echo 10 >/proc/sys/vm/dirty_writeback_centisecs
  echo 20 >/proc/sys/vm/dirty_expire_centisecs
  tell "mounted $(grep ' /host/mnt ' /proc/mounts)"
  host "$@" </workloads/files.py >/dev/ttyS1
  fail "changing files with status $?"
}

for module in /modules/*.ko; do insmod "$module" || fail "insmod $module"; done
mount_host
. /plan
dmesg -r | sed 's/^/log /' >/dev/ttyS1
tell "done"
poweroff -f
