#!/usr/bin/env bash
# Slurm on this machine alone, for trying and testing `warmstart study --launcher slurm`. Needs root.
#   scripts/slurm_one_node.sh install          Debian's slurm-wlm and munge
#   scripts/slurm_one_node.sh start FOLDER     munged, slurmctld and slurmd; everything they write stays below FOLDER
#   scripts/slurm_one_node.sh stop FOLDER
# After `start`:  export SLURM_CONF=FOLDER/slurm.conf
set -euo pipefail
stop_with() { printf 'slurm: %s\n' "$*" >&2; exit 5; }
[[ $(id -u) == 0 ]] || stop_with "this needs root"

install() {
  command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null && return
  # the packages' services are not wanted: `start` runs its own
  apt-get update -qq && env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null ||
    stop_with "apt-get could not install slurm-wlm and munge"
}

start() {
  local folder=$1 host hardware
  mkdir -p "$folder"
  folder=$(realpath "$folder")
  mkdir -p "$folder"/{state,spool,munge}
  chmod 755 "$folder" "$folder/munge"
  host=$(hostname -s)
  hardware=$(slurmd -C | head -n 1 | sed -E 's/^NodeName=\S+ //; s/ UpTime=.*//')
  dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
  chmod 600 "$folder/munge/key"
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" \
    --seed-file="$folder/munge/seed"
  cat >"$folder/slurm.conf" <<CONF
ClusterName=one
SlurmctldHost=$host
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
SlurmctldPort=${SLURM_PORT:-26817}
SlurmdPort=$((${SLURM_PORT:-26817} + 1))
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
MinJobAge=3600
SchedulerParameters=sched_interval=1,sched_min_interval=100000,batch_sched_delay=1
NodeName=$host $hardware NodeAddr=127.0.0.1
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF=$folder/slurm.conf
  slurmctld -c -f "$SLURM_CONF"
  slurmd -f "$SLURM_CONF"
  for _ in $(seq 100); do
    [[ $(sinfo -h -o %T 2>/dev/null) == idle* ]] && break
    sleep 0.2
  done
  [[ $(sinfo -h -o %T) == idle* ]] || { tail -n 5 "$folder"/slurm*.log >&2; stop_with "the node did not come up; logs are in $folder"; }
  echo "export SLURM_CONF=$SLURM_CONF"
}

# by the ids that the daemons wrote down, and no other process
stop() {
  local folder pid file
  folder=$(realpath "$1")
  for file in "$folder/slurmd.pid" "$folder/slurmctld.pid" "$folder/munge/pid"; do
    [[ -s $file ]] || continue
    pid=$(<"$file")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  done
}

case "${1:-} ${2:-}" in
  "install ") install ;;
  "start "?*) start "$2" ;;
  "stop "?*) stop "$2" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
