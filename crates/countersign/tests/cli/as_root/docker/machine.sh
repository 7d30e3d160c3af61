# Makes a machine for a Docker of its own and runs a script in it: this one's files under layers that are thrown away,
# with its own processes and its own network. Whatever is started or mounted in it ends with it.
set -eu
folder=$1 program=$2 sources=$3 script=$4
mount -t tmpfs none "$folder"
mkdir "$folder/up" "$folder/work" "$folder/root"
root=$folder/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/up,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs none "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
# An overlay cannot have another one's upper layer.
mkdir -p "$root/var/lib/docker"
mount -t tmpfs none "$root/var/lib/docker"
mkdir "$root/sources"
mount --bind -o ro "$sources" "$root/sources"
ip link set lo up
install -m 0755 "$program" "$root/usr/bin/countersign"
install -m 0644 "$script" "$root/script"
exec chroot "$root" /bin/bash -c 'cd /root && exec timeout 240 bash -eu /script'
