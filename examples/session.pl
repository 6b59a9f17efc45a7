#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
# A session from Perl: an encrypted message that openssl can read.
use strict;
use warnings;
use File::Temp qw(mkdtemp);
use IPC::Open2;

my $mount = $ENV{ACRYPTO} // '/acrypto';
my $session = mkdtemp("$mount/sessions/perl.XXXXXX");
END { rmdir $session if $session }

sub put {
    my ($file, $value) = @_;
    open my $handle, '>:raw', "$session/$file" or die "$file: $!";
    print $handle $value;
    close $handle or die "$file: $!: ", get('status');
}

sub get {
    my ($file) = @_;
    open my $handle, '<:raw', "$session/$file" or die "$file: $!";
    local $/;
    my $value = <$handle>;
    die "$file: $!" unless defined $value;
    return $value;
}

my $key = '00112233445566778899aabbccddeeff';
my $iv = '0f0e0d0c0b0a09080706050403020100';
my $text = "There is more than one way to do it.\n" x 1000;
put('alg', 'camellia-128-cbc');
put('key', "hex:$key");
put('iv', "hex:$iv");
put('src', $text);
my $cipher = get('dst');

my $pid = open2(my $out, my $in, 'openssl', 'enc', '-d', '-camellia-128-cbc', '-K', $key,
    '-iv', $iv);
binmode $_ for $in, $out;
unless (fork) {
    print $in $cipher;
    close $in;
    undef $session;    # the parent's to remove
    exit;
}
close $in;
my $back = do { local $/; <$out> };
waitpid $pid, 0;
die "openssl reads something else\n" unless $back eq $text;
