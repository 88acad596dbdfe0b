#!/bin/sh
# Curio on a machine without Node and network: finds a Vulkan driver and runs a part of the pack. See README.md beside this.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
work=${TMPDIR:-/tmp}/curio-pack-$(id -u)
mkdir -p "$work" || exit 1

add() { LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$1"; export LD_LIBRARY_PATH; }

[ -d /usr/local/nvidia/lib64 ] && add /usr/local/nvidia/lib64
add "$here/lib/vulkan"
"$here/bin/node" --version >/dev/null 2>&1 || add "$here/lib/runtime"
[ -f "$here/commit" ] && CURIO_COMMIT=$(cat "$here/commit") && export CURIO_COMMIT
if ! "$here/bin/node" --version >/dev/null 2>"$work/why"; then
  echo "pack: its node does not start here: $(head -1 "$work/why"); it needs Linux on x64 with glibc 2.28 or later." >&2
  exit 3
fi

# Prints the adapter; fails where there is none, or only a software one where $1 is gpu.
probe() { "$here/bin/node" "$here/bench/pack/check.js" --adapter "$1" 2>/dev/null; }

drivers() { for driver in "$@"; do VK_DRIVER_FILES=$driver; VK_ICD_FILENAMES=$driver; export VK_DRIVER_FILES VK_ICD_FILENAMES; probe gpu >/dev/null && return 0; done; unset VK_DRIVER_FILES VK_ICD_FILENAMES; return 1; }

if [ -z "$VK_DRIVER_FILES$VK_ICD_FILENAMES" ] && ! probe gpu >/dev/null && [ -e /dev/nvidiactl ]; then
  # The loader did not find NVIDIA's driver by itself: the files that say where it is, then the two libraries that may be it.
  for library in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' "$library" >"$work/$library.json"
  done
  set_files="/usr/share/vulkan/icd.d/nvidia_icd.json /etc/vulkan/icd.d/nvidia_icd.json /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json $work/libGLX_nvidia.so.0.json $work/libEGL_nvidia.so.0.json"
  # shellcheck disable=SC2086
  drivers $set_files || { add "$here/lib/desktop"; drivers $set_files; } || echo "pack: there is an NVIDIA device, but its Vulkan driver did not open; install the driver's Vulkan part, or name its file in VK_DRIVER_FILES." >&2
fi

run() { exec "$here/bin/node" "$@"; }
command=${1:-help}
[ $# -gt 0 ] && shift
case $command in
  first-run) run "$here/bench/pack/first-run.js" "$@" ;;
  check) run "$here/bench/pack/check.js" "$@" ;;
  bench) run "$here/bench/src/cli.js" "$@" ;;
  compare) exec "${CURIO_PYTHON:-python3}" "$here/bench/pack/torch_bench.py" "$@" ;;
  curio) run "$here/apps/trainer/dist/cli.js" "$@" ;;
  *)
    echo "./pack first-run --out DIR [--budget SECONDS]      all that matters, in seven minutes, with one table at its end
./pack check [--only OP] [--budget SECONDS]      every kernel against float64, forward and backward
./pack bench [--only PATTERN] [--budget SECONDS] [--json FILE]
./pack compare [--json FILE]                     PyTorch on the same device, where python3 has it
./pack curio train | ask | ablate | doctor ...   any command of Curio; runs/ appears where you stand"
    adapter=$(probe any) && echo "adapter: $adapter" || echo 'adapter: none was found'
    [ "$command" = help ] || exit 2
    ;;
esac
