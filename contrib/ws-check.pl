#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# ws-check.pl: one WebSocket upgrade and one message, strictly by RFC 6455.
#
#	ws-check.pl [--timeout SECONDS] URL	sends a text, expects it back
#	ws-check.pl --rfb URL			expects a VNC server's greeting
#
# Prints one line; exit status 0 if all was as it should be, else 1.  It is in
# Perl because that is there wherever autoconf is, and needs no module beyond
# Perl's own.
use strict;
use warnings;

use Digest::SHA qw(sha1);
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

use constant { TEXT => 1, BINARY => 2, CLOSE => 8, PING => 9, PONG => 10 };
use constant GUID => '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

my $timeout = 10;
my $rfb = 0;
while (@ARGV && $ARGV[0] =~ /^--/) {
	my $option = shift @ARGV;
	if ($option eq '--rfb') { $rfb = 1; }
	elsif ($option eq '--timeout') { $timeout = shift @ARGV; }
	else { die "ws-check.pl: unknown option $option\n"; }
}
die "usage: ws-check.pl [--timeout SECONDS] [--rfb] URL\n" unless @ARGV == 1;

my $began = time;
my $socket;
my $input = '';

local $SIG{ALRM} = sub { fail("nothing more came within $timeout s") };
local $SIG{PIPE} = 'IGNORE';
alarm $timeout;
upgrade($ARGV[0]);
my $said = $rfb ? check_rfb() : check_echo();
say_goodbye();
printf "%s in %d ms\n", $said, 1000 * (time - $began);
exit 0;

sub fail {
	my ($what) = @_;
	print "failed: $what\n";
	exit 1;
}

# More of what the server sends, or the end of the program.
sub receive {
	my $n = sysread($socket, $input, 65536, length $input);
	fail("reading: $!") unless defined $n;
	fail('the server closed the connection' . (length $input
		? " after: $input" : ' without a byte')) unless $n;
}

sub transmit {
	my ($bytes) = @_;
	while (length $bytes) {
		my $n = syswrite($socket, $bytes);
		fail("writing: $!") unless defined $n;
		substr($bytes, 0, $n) = '';
	}
}

sub random_bytes {
	my ($n) = @_;
	return join '', map { chr int rand 256 } 1 .. $n;
}

# ------------------------------------------------------------- the handshake

sub upgrade {
	my ($url) = @_;
	my ($host, $port, $path) =
	    $url =~ m{^(?:ws|http)://([^/:]+)(?::(\d+))?(/\S*)?$}
	    or fail("$url is no ws:// URL");
	$port ||= 80;
	$path ||= '/';
	$socket = IO::Socket::INET->new(
		PeerAddr => $host, PeerPort => $port, Timeout => $timeout)
	    or fail("$host:$port: $!");

	my $key = encode_base64(random_bytes(16), '');
	transmit(join "\r\n", "GET $path HTTP/1.1", "Host: $host:$port",
	    'Upgrade: websocket', 'Connection: Upgrade',
	    "Origin: http://$host:$port", "Sec-WebSocket-Key: $key",
	    'Sec-WebSocket-Version: 13', '', '');
	receive() until $input =~ /\r\n\r\n/;
	check_answer($key);
}

sub check_answer {
	my ($key) = @_;
	my ($head) = $input =~ /^(.*?\r\n)\r\n/s;
	my ($status, @lines) = split /\r\n/, $head;
	my %field;

	fail("$status, and: " . substr $input, length($head) + 2, 400)
	    unless $status =~ m{^HTTP/1\.1 101(?: |$)};
	for (@lines) {
		/^([!#\$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/
		    or fail("a header line that is none: $_");
		$field{lc $1} = exists $field{lc $1} ? "$field{lc $1},$2" : $2;
	}
	fail('101 without Upgrade: websocket')
	    unless lc($field{upgrade} // '') eq 'websocket';
	fail('101 without Connection: Upgrade')
	    unless grep { lc eq 'upgrade' }
	    split /[ \t]*,[ \t]*/, $field{connection} // '';
	fail('101 with a wrong Sec-WebSocket-Accept')
	    unless ($field{'sec-websocket-accept'} // '') eq
	    encode_base64(sha1($key . GUID), '');
	fail('101 with an extension that was not asked for')
	    if exists $field{'sec-websocket-extensions'};
	fail('101 with a subprotocol that was not asked for')
	    if exists $field{'sec-websocket-protocol'};
	substr($input, 0, length($head) + 2) = '';
}

# ------------------------------------------------------------------- frames

sub send_frame {
	my ($opcode, $payload) = @_;
	my $mask = random_bytes(4);
	my $masked = $payload ^ substr($mask x (1 + length($payload) / 4),
	    0, length $payload);

	transmit(pack('CC', 0x80 | $opcode, 0x80 | length $payload) .
	    $mask . $masked);
}

# The opcode and payload of the next whole message, which must be unmasked
# and in one frame; pings on the way are answered.
sub next_message {
	while (1) {
		my ($opcode, $payload) = next_frame();
		if ($opcode == PING) { send_frame(PONG, $payload); }
		elsif ($opcode == CLOSE) {
			fail('the server sent Close ' .
			    (length $payload > 1 ? unpack 'n', $payload : ''));
		}
		elsif ($opcode != PONG) { return ($opcode, $payload); }
	}
}

sub next_frame {
	receive() while length $input < 2;
	my ($first, $length) = unpack 'CC', $input;
	fail(sprintf 'a frame that begins with %#x', $first)
	    unless ($first & 0xf0) == 0x80;
	fail('a masked frame from the server') if $length & 0x80;

	my $at = 2;
	if ($length == 126) {
		receive() while length $input < 4;
		$length = unpack 'x2 n', $input;
		$at = 4;
	}
	fail('a frame that is far too long') if $length == 127;
	receive() while length $input < $at + $length;
	my $payload = substr $input, $at, $length;
	substr($input, 0, $at + $length) = '';
	return ($first & 0x0f, $payload);
}

sub check_echo {
	my $sent = 'bowsprit, at ' . localtime;
	send_frame(TEXT, $sent);
	my ($opcode, $got) = next_message();
	fail("sent the text \"$sent\", and got back \"$got\"")
	    unless $opcode == TEXT && $got eq $sent;
	return 'an upgrade and an echo';
}

sub check_rfb {
	my ($opcode, $got) = next_message();
	fail("expected a VNC server's greeting in a binary message, got \"$got\"")
	    unless $opcode == BINARY && $got =~ /^RFB 003\./;
	my ($greeting) = $got =~ /^([^\r\n]*)/;
	return "an upgrade, and the desktop's greeting \"$greeting\"";
}

# Close 1000, and the server's answer to it as long as it likes to.
sub say_goodbye {
	send_frame(CLOSE, pack 'n', 1000);
	$SIG{ALRM} = sub { 1 };
	alarm 1;
	my $n = 1;
	$n = sysread $socket, my $rest, 65536 while $n;
	alarm 0;
	close $socket;
}
