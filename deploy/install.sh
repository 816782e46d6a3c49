#!/bin/sh
# Makes a hub of a bare Debian (12 or newer): packages, units, Caddy, and the link for its steward.
#
#     deploy/install.sh hub.example
#
# Run it again, with or without the name, after `git pull`: it brings everything up to date, and
# leaves settings and data as they are. Nothing outside of /etc/hub, /etc/caddy, /etc/systemd,
# /usr/local/bin/hub and the folder that it stands in is written.
set -eu

fail() {
    echo "$1" >&2
    exit 1
}

# Another root than /, for tests of this file.
root=${HUB_INSTALL_ROOT:-}
here=$(cd "$(dirname "$0")/.." && pwd)
env_file=$root/etc/hub/hub.env

[ "$#" -le 1 ] || fail "Say: deploy/install.sh hub.example"
name=${1:-}
if [ -z "$name" ] && [ -f "$env_file" ]; then
    name=$(sed -n 's|^HUB_URL=https://||p' "$env_file")
fi
case $name in
"" | *[!a-z0-9.-]* | .* | -* | *. | *-) fail "Say the hub's name, such as: deploy/install.sh hub.example" ;;
*.*) ;;
*) fail "$name is no name that others can reach, such as hub.example" ;;
esac
[ "$(id -u)" = 0 ] || fail "Please run this as root: sudo $0 $name"
command -v apt-get >/dev/null || fail "This is for Debian and its relatives. Elsewhere follow deploy/README.md."
if [ -f "$env_file" ] && ! grep -qx "HUB_URL=https://$name" "$env_file"; then
    fail "$env_file says another address. Change HUB_URL there first; once other servers know the hub, it stays."
fi

echo "1 of 5: packages"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# Where somebody has a Caddyfile already, Debian would ask which of the two to keep, and nobody answers.
apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold \
    ca-certificates git make python3 python3-venv caddy

echo "2 of 5: the hub in $here (some minutes)"
make -C "$here" assets

echo "3 of 5: settings and units"
install -d -m 0750 "$root/etc/hub"
install -d -m 0700 "$root/srv/backup"
install -d "$root/etc/systemd/system" "$root/etc/caddy" "$root/usr/local/bin"
first=
if [ ! -f "$env_file" ]; then
    first=yes
    (umask 077 && sed "s|^#HUB_URL=\$|HUB_URL=https://$name|" "$here/deploy/hub.env.example" >"$env_file")
fi
for unit in hub.service hub-work@.service hub-backup.service hub-backup.timer; do
    sed "s|/opt/hub|$here|g" "$here/deploy/$unit" >"$root/etc/systemd/system/$unit"
done
sed "s|/opt/hub|$here|g" "$here/deploy/hub" >"$root/usr/local/bin/hub"
chmod 0755 "$root/usr/local/bin/hub"

echo "4 of 5: Caddy, which gets the certificate"
caddyfile=$root/etc/caddy/Caddyfile
sed "s|{\$HUB_DOMAIN:hub.example}|$name|" "$here/deploy/Caddyfile" >"$root/etc/caddy/hub.caddy"
if [ ! -f "$caddyfile" ] || grep -q '^:80 {' "$caddyfile"; then
    # None, or the page that Debian brings.
    [ ! -f "$caddyfile" ] || mv "$caddyfile" "$caddyfile.before-hub"
    echo "import hub.caddy" >"$caddyfile"
elif ! grep -qx 'import hub.caddy' "$caddyfile"; then
    echo "import hub.caddy" >>"$caddyfile"
fi
caddy validate --adapter caddyfile --config "$caddyfile" >/dev/null 2>&1 ||
    fail "Caddy does not take $caddyfile. Say: caddy validate --config $caddyfile"

echo "5 of 5: start"
systemctl daemon-reload
systemctl enable --now hub-backup.timer
systemctl enable hub caddy
systemctl restart hub || fail "The hub does not start. Say: journalctl -u hub"
systemctl reload-or-restart caddy

echo
echo "https://$name is running. Look whether all is well: hub doctor"
if [ -z "$first" ]; then
    echo "Who has no way in as a steward any more: hub setup --link"
    exit 0
fi
link=$("$root/usr/local/bin/hub" setup --link) || fail "The hub makes no link. Say: journalctl -u hub"
echo "Open this link once to become its steward; it leads through the rest:"
echo "  $link"
