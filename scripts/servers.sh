# shellcheck shell=bash disable=SC2034  # what is set here is used by those who source this file
# The servers of ./demo, private and on the loopback: Prosody, a session libvirtd, and what the two
# work on. Sourced after lib.sh and own_dir; everything lives in $OWN_DIR and ends with the run.

# -- Prosody ----------------------------------------------------------------------------------

# prosody_start ACCOUNT PASSWORD SECRET C2S COMPONENT HTTP CONTACT…: a server for the users of
# "localhost", the component vms.localhost (XEP-0114) and rooms at rooms.localhost. C2S, COMPONENT and
# HTTP are ports. The contacts are in the account's roster from the start, as if the person had just
# added them: the server asks for their presence at the first log-in, and grants them the person's.
# Prosody won't run as root, so root gives it the user that Debian's package made.
# Gives the process in PROSODY_PID, its log in PROSODY_LOG.
prosody_start() {
  local account=$1 password=$2 secret=$3 c2s=$4 component=$5 http=$6 contact user='' folder=$OWN_DIR/prosody
  shift 6
  am_root && user=prosody
  PROSODY_LOG=$OWN_DIR/prosody.log
  mkdir -p "$folder/data/localhost/accounts" "$folder/data/localhost/roster" "$folder/certs"
  # In the form that Prosody's own storage has; quicker than asking prosodyctl.
  printf 'return { ["password"] = "%s"; };\n' "$password" >"$folder/data/localhost/accounts/$account.dat"
  {
    printf 'return {\n  [false] = { ["version"] = 1, ["pending"] = {} };\n'
    for contact in "$@"; do
      printf '  ["%s"] = { ["subscription"] = "from", ["ask"] = "subscribe", ["name"] = "%s", ["groups"] = {} };\n' "$contact" "${contact%%@*}"
    done
    printf '};\n'
  } >"$folder/data/localhost/roster/$account.dat"
  cat >"$folder/prosody.cfg.lua" <<LUA
-- Written by ./demo for one run.
pidfile = "$folder/prosody.pid"
data_path = "$folder/data"
storage = "internal"
authentication = "internal_plain"
log = { { levels = { min = "info" }, to = "console" } }
interfaces = { "127.0.0.1" }
-- Small stanzas go out at once: otherwise news reach a silent client 40 ms later.
network_settings = { nagle = false }
c2s_ports = { $c2s }
c2s_direct_tls_ports = {}
component_interfaces = { "127.0.0.1" }
component_ports = { $component }
http_interfaces = { "127.0.0.1" }
http_ports = { $http }
https_ports = {}
http_default_host = "localhost"
-- All on one machine, with no certificate: the loopback is the protection.
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_websocket_secure = true
modules_enabled = {
  "roster", "saslauth", "presence", "message", "iq", "disco", "ping", "time", "version", "posix",
  "websocket", "smacks", "carbons", "private", "vcard4", "vcard_legacy", "pep", "blocklist", "offline",
}
modules_disabled = { "s2s", "tls" }
VirtualHost "localhost"
  disco_items = { { "vms.localhost", "Machines" }, { "rooms.localhost", "Rooms" } }
Component "vms.localhost"
  component_secret = "$secret"
Component "rooms.localhost" "muc"
  name = "Rooms"
  restrict_room_creation = false
  muc_room_default_public_jids = true
LUA
  chmod 700 "$folder"
  [[ -z $user ]] || chown -R "$user:" "$folder"
  start "$user" prosody "$PROSODY_LOG" env HOME="$folder" prosody -F --config "$folder/prosody.cfg.lua"
  PROSODY_PID=$STARTED
  if ! wait_for 20 "$PROSODY_PID" listens "$c2s" || ! wait_for 5 "$PROSODY_PID" listens "$component"; then
    tail -n 15 "$PROSODY_LOG" >&2 || true
    die "Prosody did not start; its last words are above."
  fi
}


# -- libvirt ----------------------------------------------------------------------------------

# libvirt_user: who runs the session libvirtd: nobody when we are root (QEMU as root is not what
# anybody runs, and libvirt as root is not a session), else ourselves.
libvirt_user() { if am_root; then echo nobody; fi; }

# libvirt_uri HOST: of the private libvirtd of that name.
libvirt_uri() { printf 'qemu+unix:///session?socket=%s/r-%s/libvirt/libvirt-sock' "$OWN_DIR" "$1"; }

# virsh_on HOST COMMAND…: asks that libvirtd.
virsh_on() {
  local host=$1
  shift
  virsh --quiet --connect "$(libvirt_uri "$host")" "$@"
}

# libvirtd_start HOST: begins a session libvirtd with folders, sockets and an identity of its own: libvirt
# moves no machine to a host of the same identity, and all of these are on one. Gives the process in LIBVIRTD_PID.
libvirtd_start() {
  local user runtime=$OWN_DIR/r-$1 home=$OWN_DIR/h-$1 log=$OWN_DIR/libvirtd-$1.log
  local known=$ATOLL_CACHE/libvirt-capabilities
  user=$(libvirt_user)
  mkdir -p "$runtime" "$home/.config/libvirt" "$home/.cache"
  chmod 700 "$runtime" "$home"
  # Asking QEMU what it can do takes libvirtd seconds; it keeps the answers, checked by QEMU's
  # version and date, so a later run starts with those of the one before.
  [[ ! -d $known ]] || cp -r "$known" "$home/.cache/libvirt"
  # No log daemon and no lock daemon: fewer processes to end.
  printf 'stdio_handler = "file"\n' >"$home/.config/libvirt/qemu.conf"
  printf 'host_uuid = "%s"\n' "$(</proc/sys/kernel/random/uuid)" >"$home/.config/libvirt/libvirtd.conf"
  [[ -z $user ]] || chown -R "$user:" "$runtime" "$home"
  start "$user" "libvirtd-$1" "$log" env -u XDG_DATA_HOME HOME="$home" XDG_RUNTIME_DIR="$runtime" \
    XDG_CONFIG_HOME="$home/.config" XDG_CACHE_HOME="$home/.cache" libvirtd
  LIBVIRTD_PID=$STARTED
}

# libvirtd_ready HOST PID: waits until it answers.
libvirtd_ready() {
  local home=$OWN_DIR/h-$1 known=$ATOLL_CACHE/libvirt-capabilities
  if ! wait_for 20 "$2" virsh_on "$1" version; then
    tail -n 15 "$OWN_DIR/libvirtd-$1.log" >&2 || true
    virsh_on "$1" version >&2 || true
    die "The private libvirtd of $1 did not start; its last words are above."
  fi
  if [[ ! -d $known && -d $home/.cache/libvirt ]]; then
    cp -r "$home/.cache/libvirt" "$known.$BASHPID" && mv -T "$known.$BASHPID" "$known"
  fi
}
