# Sourced first in the machine: Docker, a registry, and the images of a Rust toolchain and of a node.
# The project is in /sources; GROUP is a name for control groups.

# The distribution's programs, and none that stand before them in somebody's path.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DOCKER_BUILDKIT=0
for program in dockerd containerd runc docker docker-compose docker-registry perl python3 curl nft strip; do
    command -v "$program" > /dev/null || { echo "$program is not installed; see DISTRIBUTION in xtask/src/tools.rs" >&2; exit 1; }
done

# Waits until a command succeeds.
until_it() {
    for _ in $(seq 300); do
        if "$@" > /dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "it never comes: $*" >&2
    "$@"
}

# The plugin of Docker's own packages, by the name that Debian 12 has it under.
docker() {
    if [ "$1" = compose ]; then shift; docker-compose --ansi never "$@"; else command docker "$@"; fi
}

trap 'code=$?; [ $code = 0 ] || tail -n 15 /root/dockerd.log /root/registry.log >&2' EXIT
install -d -m 1777 /run/lock
install -d /var/log/journal /run/systemd/journal
echo "127.0.0.1 registry.example.org" >> /etc/hosts
/lib/systemd/systemd-journald > /dev/null 2>&1 &
dockerd --cgroup-parent "/$GROUP" --insecure-registry registry.example.org > /root/dockerd.log 2>&1 &
cat > /root/registry.yml << END
version: 0.1
storage: { filesystem: { rootdirectory: /var/lib/docker/registry } }
http: { addr: "127.0.0.1:80" }
log: { level: error, accesslog: { disabled: true } }
END
docker-registry serve /root/registry.yml > /root/registry.log 2>&1 &

# Copies programs of this machine into a folder, with the libraries that they are linked with.
copy() {
    local into=$1 program
    shift
    mkdir -p "$into"/usr/{bin,lib,lib64}
    for name in bin lib lib64; do ln -sfn usr/$name "$into/$name"; done
    for program in "$@"; do
        program=$(command -v "$program")
        cp --dereference "$program" "$into/usr/bin"
        { ldd "$program" 2> /dev/null || true; } | { grep -o '/[^ ]*' || true; } | while read -r library; do
            cp --parents --dereference "$library" "$into"
        done
    done
}

# Takes the place of rust:1.95-slim-bookworm: this machine's own shell, and a cargo that hands over the program which is
# tested, without what a release build has not either. So every line of Containerfile is carried out, and only the
# compiler is not run.
copy /root/rust bash sh install ldd grep sort cp rm dirname countersign
mv /root/rust/usr/bin/countersign /root/rust/built
strip /root/rust/built
cat > /root/rust/usr/bin/cargo << 'END'
#!/bin/sh
set -eu
[ "$*" = "build --release --locked --package countersign" ]
[ -f Cargo.lock ] && [ -f crates/countersign/Cargo.toml ] && [ ! -e target ] && [ ! -e .git ]
install -D -m 0755 /built target/release/countersign
END
chmod 0755 /root/rust/usr/bin/cargo
until_it command docker version
tar -C /root/rust --create . | docker import --change 'ENV PATH=/usr/bin' - rust:1.95-slim-bookworm > /dev/null
until_it curl -sf http://registry.example.org/v2/

# Builds Containerfile as the page does, and puts the image where it has a digest.
image() {
    docker build --file /sources/Containerfile --tag registry.example.org/countersign:0.1 /sources
    docker push registry.example.org/countersign:0.1
} > /dev/null

# An image of a node: the network of one machine, with a signer whose place the container of ours takes.
node_image() {
    local here=/sources/crates/countersign/tests/cli/as_root/docker
    copy /root/node perl sh rm countersign
    cp /root/rust/built /root/node/usr/bin/countersign
    cp -r --parents /usr/lib/*-linux-gnu/perl-base /root/node
    install -m 0755 "$here/stacks-node" /root/node/usr/bin/stacks-node
    install -m 0755 "$here/pipes.pl" /root/node/usr/bin/pipes
    tar -C /root/node --create . | docker import - registry.example.org/stacks-core:4.0.2
    docker push registry.example.org/stacks-core:4.0.2
    docker image rm registry.example.org/stacks-core:4.0.2
} > /dev/null
