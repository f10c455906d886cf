#!/bin/sh
# Runs in a terminal: everything that arrives on its keyboard goes to the end of file $1, byte by byte, as it
# comes. No line editing, no signals: ctrl+c and ctrl+v are bytes like any other. The return key gives a line feed.
stty -icanon -isig -iexten -ixon min 1 time 0
: > "$1.ready"
exec cat >> "$1"
