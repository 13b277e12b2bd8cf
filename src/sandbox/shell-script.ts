// Owns the text that the bash of a sandbox runs: facts for the handshake, then one command after the other. Knows no process.
import { CONTROL_FD, STDIN_FD } from './argv.ts';

/**
 * A record of the shell to the host ends with NUL. Kinds: `facts`, `begin` before a command runs, `end STATUS DIRECTORY` behind it,
 * `exit STATUS` when the live shell ended.
 */
export const FACTS = 'facts';

/**
 * Arguments: canary, root of the box, directory to begin in. Facts are gathered with builtins only: no process is started before the
 * host has judged them. A record of the host is MARK NUL STDIN-BYTES NUL COMMAND NUL; MARK is printed behind the output of the command.
 * The live shell is a child of a first one that only waits: `exit`, `exec` and `set -e` in a command end the child, and the first
 * one says so.
 * A command may leave the live shell in any state. Functions named like the builtins used here are taken away in POSIX mode, where no
 * function can stand for `unset` or `exit`; an assignment turns that mode on, and no function can stand for an assignment. Traces and
 * traps outside of a command speak to nobody.
 * The watchdog is no child of either, so that `wait` does not wait for it; it ends everything when the service is gone.
 */
export const SHELL_SCRIPT = String.raw`
canary=$1 root=$2 start=$3
exec 5>&1 6<&0 2>&1 </dev/null
mapfile -t status </proc/self/status
mapfile -t uids </proc/self/uid_map
mapfile -t nets </proc/net/dev
pids=(/proc/[0-9]*)
readable=no; [[ -r $canary ]] && readable=yes
rootwritable=no; [[ -w $root ]] && rootwritable=yes
workwritable=no; [[ -w . ]] && workwritable=yes
executable=no; [[ -x $root/.caisson/bin/node ]] && executable=yes
{
  printf 'facts\n'
  printf 'status %s\n' "\${status[@]}"
  printf 'uid_map %s\n' "\${uids[@]}"
  printf 'net %s\n' "\${nets[@]}"
  printf 'processes %s\n' "\${#pids[@]}"
  printf 'canary_readable %s\n' "$readable"
  printf 'root_writable %s\n' "$rootwritable"
  printf 'work_writable %s\n' "$workwritable"
  printf 'executable %s\n' "$executable"
  printf '\0'
} >&${CONTROL_FD}
IFS= read -r -d '' -u ${CONTROL_FD} go || exit 0
( ( exec ${CONTROL_FD}>&- ${STDIN_FD}>&- 5>&-; IFS= read -r -d '' -u 6 gone; kill -9 -1 ) & )
exec 6<&-
export HOME=$root/home
cd -- "$start" 2>/dev/null
# Firejail's own words for graphical programs.
unset FIREJAIL_QUIET DBUS_SESSION_BUS_ADDRESS DBUS_SYSTEM_BUS_ADDRESS KDE_FORK_SLAVES QML_DISABLE_DISK_CACHE QT_X11_NO_MITSHM
unset canary root start status uids nets pids readable rootwritable workwritable executable go
(
exec >/dev/null 2>&1
while IFS= read -r -d '' -u ${CONTROL_FD} __mark && IFS= read -r -d '' -u ${CONTROL_FD} __bytes &&
  IFS= read -r -d '' -u ${CONTROL_FD} __command && __input=/dev/null &&
  { [[ $__bytes == - ]] || { __input=/tmp/.stdin.$$; (umask 077; /usr/bin/head -c "$__bytes" <&${STDIN_FD} >|"$__input"); }; } &&
  [[ -r $__input ]] &&
  printf 'begin\0' >&${CONTROL_FD}; do
  eval "$__command" <"$__input" >&5 2>&5 ${STDIN_FD}>&- 5>&- ${CONTROL_FD}>&-
  __status=$?
  __posix=\${POSIXLY_CORRECT+set}
  POSIXLY_CORRECT=y
  unset -f eval read printf || exit "$__status"
  printf '%s' "$__mark" >&5 && printf 'end %s %s\0' "$__status" "\${PWD-}" >&${CONTROL_FD} || exit "$__status"
  [[ -n $__posix ]] || unset POSIXLY_CORRECT
done
exit 0
)
printf 'exit %s\0' "$?" >&${CONTROL_FD}
kill -9 -1
`.replaceAll('\\${', '${');
