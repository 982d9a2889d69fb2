#!/usr/bin/env bash
# A Slurm cluster of two nodes on this machine, for the tests of Submit-DiffusionJob.
#
#   tests/slurm.sh start [FOLDER]   installs Slurm if it is missing and root may do that, starts it, and prints the path of its configuration
#   tests/slurm.sh stop [FOLDER]    ends it and deletes the folder
#
# The commands of Slurm find it by the environment variable SLURM_CONF:
#
#   export SLURM_CONF=$(tests/slurm.sh start)
#   sinfo
#
# It listens on the loopback address only. All its files are in FOLDER; the default is one in the folder for temporary files.
set -euo pipefail

folder="${2:-${TMPDIR:-/tmp}/stablediffusion-slurm-$(id -u)}"
nodes=2
patience=30

fail() {
    echo "tests/slurm.sh: $1" >&2
    for log in "$folder"/log/*.log "$folder/apt.log"; do
        [ ! -s "$log" ] || { echo "--- the end of $log:"; tail -n 5 "$log"; } >&2
    done
    exit 1
}

# Debian does not have the daemons in the path of users.
PATH="$PATH:/usr/sbin:/sbin"

install_packages() {
    [ "$(uname -s)" = Linux ] || fail "Slurm runs on Linux only."
    ! command -v slurmctld slurmd munged sbatch > /dev/null || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null ||
        fail "Slurm is not installed, and only root can install it, where there is apt-get: apt-get install slurm-wlm munge."
    # The services that come with the packages are not started: the daemons below have a configuration of their own.
    if ! {
        apt-get update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install --yes --no-install-recommends slurm-wlm munge
    } > "$folder/apt.log" 2>&1; then
        fail "apt-get could not install slurm-wlm and munge."
    fi
}

write_configuration() {
    local user port cores memory
    user="$(id -un)"
    cores=$(nproc)
    memory=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo) / 1024))
    port=$((20000 + RANDOM % 10000))
    while (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do port=$((port + nodes + 1)); done
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge.key")
    cat > "$folder/slurm.conf" << END
ClusterName=tests
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
# A job that is requeued begins again after so many seconds.
AuthInfo=socket=$folder/munge.socket,cred_expire=10
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
# No cgroups, so that it runs in a container too.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
MinJobAge=300
KillWait=30
CompleteWait=0
ReturnToService=2
SlurmdTimeout=60
InactiveLimit=0
NodeName=n[1-$nodes] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=$cores RealMemory=$memory State=UNKNOWN
PartitionName=tests Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

start() {
    mkdir -p "$folder"/{state,log}
    chmod 700 "$folder"
    install_packages
    export SLURM_CONF="$folder/slurm.conf"
    if [ -s "$SLURM_CONF" ] && scontrol ping 2> /dev/null | grep -q 'UP'; then
        echo "$SLURM_CONF"
        return
    fi

    write_configuration
    munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --seed-file="$folder/munged.seed" --log-file="$folder/log/munged.log" > "$folder/log/munged-start.log" 2>&1 || fail "munged did not start."
    slurmctld -c > "$folder/log/slurmctld-start.log" 2>&1 || fail "slurmctld did not start."
    for ((node = 1; node <= nodes; node++)); do
        mkdir -p "$folder/spool-n$node"
        slurmd -N "n$node" > "$folder/log/slurmd-start.log" 2>&1 || fail "slurmd of the node n$node did not start."
    done

    for ((second = 0; second < patience * 5; second++)); do
        if [ "$(sinfo --noheader --Node --format=%T 2> /dev/null | grep -c '^idle$')" = "$nodes" ]; then
            echo "$SLURM_CONF"
            return
        fi

        sleep 0.2
    done

    fail "the nodes were not ready after $patience seconds: $(sinfo --noheader --Node --format='%N %T' 2>&1 | tr '\n' ' ')"
}

stop() {
    export SLURM_CONF="$folder/slurm.conf"
    [ -d "$folder" ] || return 0
    scancel --user="$(id -un)" 2> /dev/null || true
    for file in "$folder"/slurmd-*.pid "$folder/slurmctld.pid" "$folder/munged.pid"; do
        [ ! -s "$file" ] || kill "$(cat "$file")" 2> /dev/null || true
    done

    for ((second = 0; second < 50; second++)); do
        compgen -G "$folder/*.pid" > /dev/null || break
        sleep 0.1
    done

    rm -rf "$folder"
}

case "${1:-}" in
    start) start ;;
    stop) stop ;;
    *) sed -n 's/^# \{0,1\}//p' "$0" | head -n 12; exit 2 ;;
esac
