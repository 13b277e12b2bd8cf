# What a command of the agent may see and do, for firejail 0.9.72 and newer. Caisson adds what it finds on the host: a blacklist line for each
# top-level directory that is not one of the usual ones, and for each of its own paths. The box is put over the home (--private).
quiet

# Files
private-dev
private-tmp
private-srv none
disable-mnt
whitelist /run/none
whitelist /var/lib/dpkg/status
whitelist /opt/none
blacklist /sys
blacklist /etc/firejail
blacklist /etc/docker
blacklist /etc/caisson
blacklist /etc/ssh
blacklist /etc/apt/auth.conf.d
blacklist /usr/bin/firejail
blacklist /usr/bin/bwrap
blacklist /usr/bin/sudo
blacklist /usr/bin/su
blacklist /usr/bin/pkexec
blacklist /proc/kallsyms
blacklist /proc/keys
blacklist /proc/key-users
blacklist /proc/config.gz
blacklist /proc/timer_list
blacklist /proc/sched_debug
blacklist /proc/cmdline
blacklist /proc/sys/kernel/core_pattern
noexec /dev/shm
read-only ${HOME}
read-write ${HOME}/work
read-write ${HOME}/home
# Skips .inputrc at launch: a planted link of that name would be written through.
tab

# Privileges
caps.drop all
nonewprivs
noroot
nogroups
seccomp @keyring,io_uring_setup,io_uring_enter,io_uring_register,process_vm_writev,pidfd_getfd,bpf,userfaultfd,perf_event_open,setns,unshare,vhangup,kcmp,quotactl,quotactl_fd
seccomp.block-secondary
restrict-namespaces

# The rest of the world
net none
protocol unix,inet,inet6
ipc-namespace
machine-id
hostname sandbox
dbus-user none
dbus-system none
x11 none
no3d
nodvd
noinput
noprinters
nosound
notv
nou2f
novideo
deterministic-exit-code
