#!/usr/bin/perl
# stacks-node, bitcoind and sbtc-signer, as far as runbooks ask them. The node passes questions and callbacks on between
# the signer and a node of the simulated network, whose addresses are in a file beside its configuration. `postgresql`
# is the way to the real one, whose network is another.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;

$SIG{CHLD} = 'IGNORE';
STDERR->autoflush(1);
my ($name) = $0 =~ m{([^/]+)$};
my ($path) = grep { -f } map { s/^-conf=//r } @ARGV;
my $config = content($path);

sub content {
    open(my $file, '<', $_[0]) or die "$_[0]: $!";
    return join '', <$file>;
}

sub port {
    my ($port) = $config =~ $_[0] or die "no port: $_[0]";
    return $port;
}

# The request of a client, whole.
sub request {
    my ($client, $said) = ($_[0], '');
    while (sysread($client, my $more, 65536)) {
        $said .= $more;
        my ($head, $body) = $said =~ /^(.*?\r\n\r\n)(.*)$/s or next;
        my ($length) = $head =~ /^content-length: *(\d+)/mi;
        last if length($body) >= ($length // 0);
    }
    return $said;
}

sub answer {
    my ($client, $body) = @_;
    print $client "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($body)
        . "\r\nConnection: close\r\n\r\n$body";
}

sub pass_on {
    my ($client, $said, $address) = @_;
    my $other = $address =~ m{^/} ? IO::Socket::UNIX->new($address) : IO::Socket::INET->new($address);
    $other or return;
    syswrite($other, $said);
    my $both = IO::Select->new($client, $other);
    while (1) {
        for my $from ($both->can_read) {
            sysread($from, my $more, 65536) or return;
            my $to = $from == $client ? $other : $client;
            while (length $more) { substr($more, 0, syswrite($to, $more) // return) = '' }
        }
    }
}

sub listen_only { 1 while sysread($_[0], my $more, 4096) }
sub metrics { request($_[0]); answer($_[0], "up_since 1\n") }

my %serve;
if ($name eq 'stacks-node') {
    my ($node, $endpoint) = split ' ', content('/etc/stacks-node/network');
    my $neighbors = '{"bootstrap":[],"sample":[],"inbound":[],"outbound":[{"network_id":1,"peer_version":402653196,'
        . '"ip":"192.0.2.7","port":20444,"public_key_hash":"0011223344556677889900112233445566778899","authenticated":true}]}';
    $serve{'127.0.0.1:' . port(qr/^rpc_bind = ".*:(\d+)"/m)} = sub {
        my $said = request($_[0]);
        return answer($_[0], $neighbors) if $said =~ m{^GET /v2/neighbors };
        pass_on($_[0], $said, $node);
    };
    $serve{$endpoint} = sub { pass_on($_[0], '', '127.0.0.1:30000') };
    $serve{'0.0.0.0:' . port(qr/^p2p_bind = ".*:(\d+)"/m)} = \&listen_only;
    $serve{'127.0.0.1:' . port(qr/^prometheus_bind = ".*:(\d+)"/m)} = \&metrics;
    print STDERR "INFO [1764266400.123456] [stacks-node/src/main.rs:1] [main] begins\n";
    print STDERR "WARN [1764266400.123456] [stacks-node/src] [main] Event dispatcher: connection or request failed\n";
} elsif ($name eq 'bitcoind') {
    $serve{'127.0.0.1:' . port(qr/^rpcport=(\d+)/m)} = sub {
        my $said = request($_[0]);
        my $login = $said =~ /^authorization: Basic \S+/mi or return;
        answer($_[0], $said =~ /getnetworkinfo/
            ? '{"result":{"version":290000},"error":null,"id":0}'
            : '{"result":{"chain":"regtest","blocks":53,"headers":53,"initialblockdownload":false,"pruned":false},'
              . '"error":null,"id":0}');
    };
    print STDERR "UpdateTip: new best=00ab height=53 version=0x20000000 progress=1.000000\n";
} elsif ($name eq 'postgresql') {
    $serve{'127.0.0.1:5432'} = sub { pass_on($_[0], '', '/run/postgresql/.s.PGSQL.5432') };
} else {
    die 'no key' if !$ENV{SIGNER_SIGNER__PRIVATE_KEY};
    my $p2p = port(qr/tcp:\/\/0\.0\.0\.0:(\d+)/);
    $serve{"0.0.0.0:$p2p"} = \&listen_only;
    $serve{'127.0.0.1:' . port(qr/^bind = ".*:(\d+)"/m)} = sub {
        request($_[0]);
        answer($_[0], '{"bitcoin":{},"stacks":{},"config":{},"build_info":{},"timestamp":"2026-11-28T00:00:00Z"}');
    };
    $serve{'127.0.0.1:' . port(qr/exporter_endpoint = ".*:(\d+)"/)} = \&metrics;
    our $quic = IO::Socket::INET->new(Proto => 'udp', LocalAddr => "0.0.0.0:$p2p") or die "UDP: $!";
    print STDERR "INFO signer: begins\n";
}

my ($all, %of) = (IO::Select->new);
for my $address (keys %serve) {
    my $listener = IO::Socket::INET->new(LocalAddr => $address, Listen => 64, ReuseAddr => 1) or die "$address: $!";
    $of{$listener} = $serve{$address};
    $all->add($listener);
}
while (1) {
    for my $listener ($all->can_read) {
        my $client = $listener->accept or next;
        if (!(fork // die "fork: $!")) {
            close $_ for $all->handles;
            $of{$listener}->($client);
            exit 0;
        }
    }
}
