#!/bin/sh
# A copy of everything that a hub cannot make again, in one file, while the hub runs:
#
#     deploy/backup.sh /var/lib/hub /srv/backup/hub-$(date +%F).tar.gz
#
# It holds the database, the uploaded pictures, hub.env and secret.key, the key that opens the
# actors' keys: keep it as safe as the hub itself. A hub on PostgreSQL is saved with pg_dump instead;
# secret.key and media/ then have to be copied as well.
# To restore: stop the hub, unpack the file into an empty data folder, start the hub.
set -eu
umask 077

if [ $# -ne 2 ]; then
    echo "usage: deploy/backup.sh DATA_FOLDER FILE.tar.gz" >&2
    exit 2
fi
data=$1
target=$2
here=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$here/.venv/bin/python}

if [ ! -f "$data/hub.db" ]; then
    echo "$data holds no hub.db: is it the data folder, and is the database SQLite?" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# SQLite's own backup: a consistent copy, whatever is being written meanwhile.
"$python" - "$data/hub.db" "$work/hub.db" <<'PYTHON'
import sqlite3
import sys
from contextlib import closing

with closing(sqlite3.connect(f"file:{sys.argv[1]}?mode=rw", uri=True)) as source:
    with closing(sqlite3.connect(sys.argv[2])) as copy:
        source.backup(copy)
        (state,) = copy.execute("PRAGMA integrity_check").fetchone()
if state != "ok":
    sys.exit(f"The copy of the database is damaged: {state}")
PYTHON

# Pictures are only ever added, under names made of their content; so they may follow the database.
for part in media secret.key hub.env; do
    if [ -e "$data/$part" ]; then
        cp -a "$data/$part" "$work/$part"
    fi
done
tar -C "$work" -czf "$target.part" .
mv "$target.part" "$target"
echo "Saved $data to $target"
