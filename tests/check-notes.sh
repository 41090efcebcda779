#!/bin/sh
# Every proof note names at least one test, every named test exists, and the index lists exactly the notes.
# Run from the repository root. A test is named as `suite/name` (in backquotes); it exists when
# tests/test_*.c defines `const test_suite suite_X = {"X", ...}`, tests/test.h registers X, and a table of that
# file has an entry {"name", function}.
set -eu
LC_ALL=C
export LC_ALL
notes=proofs-notes
failed=0

fail()
{
    echo "check-notes: $*" >&2
    failed=1
}

existing_tests()
{
    for file in tests/test_*.c; do
        suite=$(sed -n 's/^const test_suite suite_[a-z0-9_]* = {"\([a-z0-9_]*\)".*/\1/p' "$file")
        [ -n "$suite" ] && grep -q "X($suite)" tests/test.h || continue
        grep -v '^const test_suite' "$file" | tr '\n' ' ' |
            grep -o '{"[a-z0-9_]*", *[a-z_][a-z0-9_]*}' | sed "s|{\"\([a-z0-9_]*\)\".*|$suite/\1|"
    done | sort -u
}

named_tests()
{
    grep -o '`[a-z0-9_]*/[a-z0-9_]*`' "$1" | tr -d '`' | sort -u
}

[ -f "$notes/README.md" ] || { echo "check-notes: $notes/README.md is missing" >&2; exit 1; }
tests=" $(existing_tests | tr '\n' ' ')"
count=0
all_named=
for note in "$notes"/*.md; do
    name=${note##*/}
    named=$(named_tests "$note") || named=
    for test in $named; do
        case $tests in
        *" $test "*) ;;
        *) fail "$name names the test $test, which does not exist" ;;
        esac
    done
    all_named="$all_named $named"
    [ "$name" = README.md ] && continue
    count=$((count + 1))
    [ -n "$named" ] || fail "$name names no test"
    grep -q "]($name)" "$notes/README.md" || fail "README.md does not link to $name"
done
[ "$count" -gt 0 ] || fail "there are no notes"
for linked in $(grep -o ']([^)#:]*\.md)' "$notes/README.md" | sed 's/^](//; s/)$//'); do
    [ -f "$notes/$linked" ] || fail "README.md links to $linked, which does not exist"
done
[ "$failed" = 0 ] || exit 1
total=$(printf '%s\n' $all_named | sort -u | wc -l)
echo "check-notes: $count notes, $((total)) tests named, all exist"
