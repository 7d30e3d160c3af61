#!/usr/bin/perl
# Started as a signer of the devnet, `pipes run --config FILE`. What comes to the node's own address and to its port for
# peers goes to the devnet's node, and what that one has for its signer goes to the signer's container.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

$SIG{CHLD} = 'IGNORE';
open my $file, '<', $ARGV[2] or die "$ARGV[2]: $!";
my $config = do { local $/; <$file> };
my ($node) = $config =~ /^node_host = "(.*)"/m;
my ($events) = $config =~ /^endpoint = "(.*)"/m;

# Carries bytes both ways until one side ends.
sub carry {
    my ($one, $other) = @_;
    my %to = ($one => $other, $other => $one);
    my $select = IO::Select->new($one, $other);
    while (my @ready = $select->can_read) {
        for my $from (@ready) {
            my $count = sysread($from, my $bytes, 65536) or return;
            for (my $sent = 0; $sent < $count;) {
                $sent += syswrite($to{$from}, $bytes, $count - $sent, $sent) || return;
            }
        }
    }
}

sub pipe_between {
    my ($listen, $to) = @_;
    my $server = IO::Socket::INET->new(LocalAddr => $listen, Listen => 64, ReuseAddr => 1) or die "$listen: $!";
    while (my $one = $server->accept) {
        next if fork;
        my $other = IO::Socket::INET->new(PeerAddr => $to, Timeout => 5);
        carry($one, $other) if $other;
        exit 0;
    }
}

for my $port (20443, 20444) {
    pipe_between("172.30.94.3:$port", $node) unless fork;
}
pipe_between($events, '172.30.94.2:30000');
