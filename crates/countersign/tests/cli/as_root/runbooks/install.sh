# A host with everything: docs/operator/start.md, with stand-ins for what others publish. The key is one of a simulated
# network, so that its signer has a seat, is asked, and signs.
touch /usr/bin/countersign
mount --bind "$(command -v countersign)" /usr/bin/countersign
# What root finds, and no more.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ip link set lo up
systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
mkdir /run/postgresql
mount --bind "$SOCKET" /run/postgresql
for program in stacks-node bitcoind sbtc-signer postgresql; do install -m 0755 stand-in "/usr/bin/$program"; done
printf '#!/bin/sh\nexec sleep infinity\n' > elsewhere
chmod +x elsewhere
countersign devnet --signers 2 --weights 60,40 --signer 1="$PWD/elsewhere" --seed runbooks --dir "$PWD/devnet" \
    < /dev/null > devnet.log 2>&1 &
countersign init --yes --network mocknet --profile pool
cat more.toml >> /etc/countersign/countersign.toml
countersign init --secrets
until_true() { for turn in $(seq 800); do "$@" > /dev/null 2>&1 && return; sleep 0.05; done; echo "never: $*"; journalctl --no-pager -n 80; exit 1; }
is_there() { compgen -G "$1"; }
THERE=devnet/signer-1/signer-config.toml
until_true grep -q db_path "$THERE"
of_there() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$THERE"; }
of_there auth_password > /etc/countersign/secrets/auth-token
countersign render
systemd-tmpfiles --create /etc/tmpfiles.d/countersign.conf
systemd-tmpfiles --create --prefix=/var/log/journal
systemctl restart systemd-journald.service
journalctl --flush
# What systemd says of its units is in the journal, as on every other host.
systemctl log-target journal-or-kmsg
echo "$(of_there node_host) $(of_there endpoint)" > /etc/stacks-node/network
# This network is young, and nobody else has its keys.
sed -i 's/^\[countersign\]/&\nlisten_before_signing_secs = 0/' /etc/countersign/signer-config.toml
install -m 0600 -o countersign-backup pgpass /etc/countersign/pgpass-backup
(umask 077 && echo SIGNER_SIGNER__PRIVATE_KEY=00 > /etc/sbtc-signer/secrets.env)
KEY_DIR=/etc/countersign/key
(umask 077 && head -c 24 /dev/urandom | base64 > "$KEY_DIR/signer-passphrase")
of_there stacks_private_key > "$KEY_DIR/bare"
chown countersign-vault: "$KEY_DIR"/*
runuser -u countersign-vault -- countersign keys import --from "$KEY_DIR/bare" --to "age:$KEY_DIR/signer.age" \
    --passphrase-file "$KEY_DIR/signer-passphrase" --network mocknet
shred -u "$KEY_DIR/bare"
systemd-creds encrypt --name=signer-passphrase "$KEY_DIR/signer-passphrase" \
    /etc/countersign/credstore/signer-passphrase
install -d -m 0700 -o countersign-vault -g countersign-vault /var/lib/countersign-vault
install -m 0600 -o countersign-vault -g countersign-vault journal.* /var/lib/countersign-vault
install -d -m 0700 -o countersign -g countersign /etc/countersign/tls
runuser -u countersign -- countersign tls new --out /etc/countersign/tls --name signer
# Not every machine of a test lets root raise the limit of locked memory, which the unit does.
mkdir -p /etc/systemd/system/countersign-vault.service.d
printf '[Service]\nCapabilityBoundingSet=CAP_IPC_LOCK\nAmbientCapabilities=CAP_IPC_LOCK\n' \
    > /etc/systemd/system/countersign-vault.service.d/limit.conf
install -m 0644 exporter.ini /etc/systemd/system/countersign-exporter.service
printf '[Unit]\nDescription=Keeps the clock\n[Service]\nExecStart=sleep infinity\n' > /etc/systemd/system/chrony.service
printf '[Service]\nExecStart=/usr/bin/postgresql /etc/hostname\n' > /etc/systemd/system/postgresql.service
printf '[Service]\nType=oneshot\nExecStart=false\n' > /etc/systemd/system/countersign-spoiled.service
systemctl daemon-reload
start() { systemctl start "$@" || { journalctl --no-pager -n 80; exit 1; }; }
start countersign-firewall.service countersign-vault.socket countersign-vault.service
start countersign.socket countersign.service postgresql.service bitcoind.service stacks-node.service sbtc-signer.service
start countersign-backup.service countersign-exporter.service prometheus.service prometheus-alertmanager.service chrony.service
start countersign-{doctor,logs,backup-signer,backup-verify}.timer
systemctl start countersign-spoiled.service || true
until_true is_there '/var/backups/countersign/*.dump.age'
start countersign-backup-signer.service countersign-logs.service countersign-backup-verify.service
until_true countersign status --config /etc/countersign/signer-config.toml
for port in 9090 9093; do until_true curl -sf -m 1 "http://127.0.0.1:$port/-/ready"; done
# Peers of the node and of the sBTC signer.
exec 8<> /dev/tcp/127.0.0.1/20444 9<> /dev/tcp/127.0.0.1/4122
# As the page says: from what the command above lists.
decisions() { countersign logs decisions --since 30m --config /etc/countersign/signer-config.toml; }
signed() { decisions | grep 'our signature is published'; }
until_true signed
export BLOCK
BLOCK=$(signed | awk 'END { print $4 }')
