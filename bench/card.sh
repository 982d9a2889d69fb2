#!/usr/bin/env bash
# Tries an NVIDIA card on a fresh Linux machine and prints the rows G1 to G8 of docs/benchmarks.md, within eight minutes.
# It needs the .NET SDK 10, the driver, CUDA 13 and cuDNN 9. Each step has a limit of time; what is not reached is named at the end.
# The exit code is 0 if all steps succeeded, 1 if one failed or was not reached, 2 without .NET, and 3 without a card.
# For a trial without a card: bench/card.sh --device Cpu --small
set -u
cd "$(dirname "$0")/.."

readonly LIMIT=470
rows_options=("$@")
report=()
failed=0

left() { echo $((LIMIT - SECONDS)); }

# step <seconds> <name> <command...>: runs a command for so long at most, or for what is left of the time.
step() {
    local seconds=$1 name=$2 begun=$SECONDS code
    shift 2
    (( seconds > $(left) )) && seconds=$(left)
    if (( seconds <= 0 )); then
        report+=("$name: skipped, there was no time left")
        failed=1
        return 1
    fi

    echo "== $name"
    timeout --kill-after=10 "$seconds" "$@"
    code=$?
    case $code in
        0) report+=("$name: done in $((SECONDS - begun)) s") ;;
        124 | 137) report+=("$name: stopped after $seconds s"); failed=1 ;;
        *) report+=("$name: failed with the exit code $code"); failed=1 ;;
    esac
    return $code
}

finish() {
    echo "== Summary"
    printf '%s\n' "${report[@]}"
    exit "$1"
}

if (( $# == 0 )) && [[ ! -e /dev/nvidiactl && ! -e /dev/dxg ]]; then
    echo "There is no NVIDIA card on this machine, or no driver: neither /dev/nvidiactl nor /dev/dxg exists. Nothing was measured."
    exit 3
fi

if ! command -v dotnet > /dev/null; then
    echo "The command dotnet was not found. Install the .NET SDK 10."
    exit 2
fi

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
command -v nvidia-smi > /dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv

step 200 "Building" dotnet build -c Release --nologo --verbosity quiet tests/Unit || finish 1
step 60 "Building the benchmarks" dotnet build -c Release --nologo --verbosity quiet bench || finish 1
step 60 "Finding the device" dotnet run -c Release --no-build --project src/SdPowerShell -- -NoProfile -Command \
    'Get-DiffusionDevice | Format-List Name, IsAvailable, Reason'

if (( $# == 0 )); then
    step 60 "Using the card" dotnet run -c Release --no-build --project src/SdPowerShell -- -NoProfile -Command \
        'if (-not (Get-DiffusionDevice Cuda).IsAvailable) { exit 3 }' || finish 3
fi

step 90 "Testing the card" dotnet test --project tests/Unit -c Release --no-build -- --filter-class '*CardTests' --filter-class '*DeviceTests'
rows=$(( $(left) - 25 ))
step $(( rows + 20 )) "Measuring" dotnet run -c Release --no-build --project bench -- card --seconds "$(( rows > 1 ? rows : 1 ))" "${rows_options[@]}"
finish $failed
