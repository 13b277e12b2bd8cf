// Owns the two texts that run inside a sandbox: the guard that reports and watches, and the live shell. Knows no process.
import { CONTROL_FD, LISTENER_FD, OUTPUT_FD } from './argv.ts';

/**
 * A record of the inside to the host ends with NUL. Kinds: `facts`, `begin MARK` before a command runs, `end MARK STATUS DIRECTORY` behind
 * it, `exit NONCE STATUS` when the live shell ended. A process in the background knows the marks of commands before it, not of later ones.
 */
export const FACTS = 'facts';

/**
 * Arguments: canary, root of the box, directory to begin in, path of the box on the host, text of the live shell, and where there is a
 * network, text for Node that hands the listening socket out; nothing else ever runs with that channel. Facts are gathered with builtins
 * and one program of the system: nothing of the box is started before the host has judged them. The watchdog is no child of the live
 * shell, so that `wait` does not wait for it; it ends everything once the service is gone, which closes the standard input. Firejail
 * refuses arguments of 4 kB.
 */
export const GUARD_SCRIPT = String.raw`
canary=$1 root=$2 start=$3 box=$4 live=$5 listen=\${6-}
exec ${OUTPUT_FD}>&1 6<&0 </dev/null >/dev/null 2>&1
mapfile -t status </proc/self/status
mapfile -t uids </proc/self/uid_map
mapfile -t nets </proc/net/dev
mapfile -t limits </proc/self/limits
pids=(/proc/[0-9]*)
readable=no; [[ -r $canary ]] && readable=yes
rootwritable=no; [[ -w $root ]] && rootwritable=yes
workwritable=no; [[ -w . ]] && workwritable=yes
boxvisible=no; [[ -e $box ]] && boxvisible=yes
outside=refused
for there in "$box/.caisson-probe" /usr/.caisson-probe; do : >"$there" && outside=written; done
unshare true; call=$?
socket=refused; : 7<>/dev/udp/192.0.2.1/9 && socket=opened
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
  printf 'limits %s\n' "\${limits[@]}"
  printf 'box_visible %s\n' "$boxvisible"
  printf 'outside %s\n' "$outside"
  printf 'socket %s\n' "$socket"
  printf 'call %s\n' "$call"
  printf '\0'
} >&${CONTROL_FD}
IFS= read -r -d '' -u ${CONTROL_FD} nonce || exit 0
if [[ -n $listen ]]; then
  (cd / && exec env -i NODE_CHANNEL_FD=$NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE=$NODE_CHANNEL_SERIALIZATION_MODE \
    "$root"/.caisson/bin/node --jitless -e "$listen" ${CONTROL_FD}>&- ${OUTPUT_FD}>&- 6<&-) || exit 1
  exec ${LISTENER_FD}>&-
  unset NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE listen
fi
( ( exec ${CONTROL_FD}>&- ${OUTPUT_FD}>&-; IFS= read -r -d '' -u 6 gone; kill -9 -1 ) & )
exec 6<&-
export HOME=$root/home
cd -- "$start" 2>/dev/null
# Firejail's own words for graphical programs.
unset FIREJAIL_QUIET DBUS_SESSION_BUS_ADDRESS DBUS_SYSTEM_BUS_ADDRESS KDE_FORK_SLAVES QML_DISABLE_DISK_CACHE QT_X11_NO_MITSHM container
bash --noprofile --norc -c "$live" bash
printf 'exit %s %s\0' "$nonce" "$?" >&${CONTROL_FD}
`.replaceAll('\\${', '${');

/**
 * A record of the host is MARK NUL STDIN NUL BYTES NUL COMMAND: MARK is printed behind the output of the command, STDIN is the path of its
 * standard input, COMMAND has that many bytes. Reading by count is ten times as fast as reading up to a NUL.
 * A command may leave the live shell in any state. Functions named like the builtins used here are taken away in POSIX mode, where no
 * function can stand for `unset` or `exit`; an assignment turns that mode on, and no function can stand for an assignment. Traces and
 * traps outside of a command speak to nobody. The loop is a child of its own, so that `kill $$` ends what the guard waits for. A guard
 * that was killed can say nothing: the loop says for it that the shell is gone, before another command begins.
 */
export const LIVE_SCRIPT = String.raw`
(
while IFS= read -r -d '' -u ${CONTROL_FD} __mark && IFS= read -r -d '' -u ${CONTROL_FD} __stdin &&
  IFS= read -r -d '' -u ${CONTROL_FD} __bytes && IFS= LC_ALL=C read -r -N "$__bytes" -u ${CONTROL_FD} __command &&
  [[ -r $__stdin ]] && {
    { IFS=' ' read -r __ __ __state __ </proc/"$PPID"/stat && [[ $__state != Z ]] &&
      IFS=' ' read -r __ __ __state __ </proc/"$$"/stat && [[ $__state != Z ]]; } || ! printf 'gone\0' >&${CONTROL_FD}
  } && printf 'begin %s\0' "$__mark" >&${CONTROL_FD}; do
  eval "$__command" <"$__stdin" >&${OUTPUT_FD} 2>&${OUTPUT_FD} ${OUTPUT_FD}>&- ${CONTROL_FD}>&-
  __status=$?
  __posix=\${POSIXLY_CORRECT+set}
  POSIXLY_CORRECT=y
  unset -f eval read printf || exit "$__status"
  printf '%s' "$__mark" >&${OUTPUT_FD} && printf 'end %s %s %s\0' "$__mark" "$__status" "\${PWD-}" >&${CONTROL_FD} || exit "$__status"
  [[ -n $__posix ]] || unset POSIXLY_CORRECT
done
exit 0
)
exit "$?"
`.replaceAll('\\${', '${');
