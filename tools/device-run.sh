#!/usr/bin/env bash
# bash run.sh MODULE.js [arguments]: unpacks what lies beside it once, finds drivers, runs the module.
# bash run.sh tests DEVICE [words]: the tests about arrays, on cuda or webgpu.
# Needs glibc 2.34 and a driver: CUDA's (with NVRTC) or Vulkan's. TIGON_DEVICE_FOLDER says where to unpack.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${TIGON_DEVICE_FOLDER:-/tmp/tigon-device}

if [ ! -f "$folder/.unpacked" ] || [ "$here/device.tar.gz" -nt "$folder/.unpacked" ]; then
  rm -rf "$folder" && mkdir -p "$folder"
  tar -C "$folder" -xzf "$here/device.tar.gz"
  touch "$folder/.unpacked"
fi

# carried libraries where the system has none, or a libstdc++ older than GCC 12's
mkdir -p "$folder/use" "$folder/run"
known=$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null || true)
system() { awk -v name="$1" '$1 == name && !found { found = 1; print $NF }' <<<"$known"; }
use() { ln -sfn "$folder/lib/$1" "$folder/use/$1"; }
for path in "$folder"/lib/*; do name=$(basename "$path"); [ -n "$(system "$name")" ] || use "$name"; done
standard=$(system libstdc++.so.6)
if [ -n "$standard" ] && ! grep -aq GLIBCXX_3.4.30 "$standard"; then use libstdc++.so.6; use libgcc_s.so.1; fi
export LD_LIBRARY_PATH="$folder/use${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$folder/run}

# Dawn hides half precision on NVIDIA's Vulkan unless told otherwise
export TIGON_WEBGPU_FLAGS=${TIGON_WEBGPU_FLAGS:-enable-dawn-features=vulkan_enable_f16_on_nvidia}

# containers have NVIDIA's driver file in a place of its own; its default variant wants X libraries, its twin EGL's
container=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
adapters() { "$folder/node" --input-type=module -e "
  const { create } = await import('$folder/node_modules/webgpu/index.js');
  process.exit(await create([]).requestAdapter() === null ? 1 : 0);" 2>/dev/null; }
if [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && [ -f "$container" ]; then
  export VK_DRIVER_FILES=$container
  if ! adapters; then
    sed 's/libGLX_nvidia/libEGL_nvidia/' "$container" >"$folder/nvidia_egl.json"
    export VK_DRIVER_FILES=$folder/nvidia_egl.json
  fi
fi
case "$*" in
*webgpu*) adapters || echo 'no WebGPU adapter: VK_LOADER_DEBUG=error,driver says what the loader tried' >&2 ;;
esac

# the CUDA add-on was built elsewhere: where it does not load, it is built here
addon="$folder/build/Release/tigon.node"
if [ -f "$addon" ] && ! "$folder/node" -e "require('$addon')" 2>/dev/null; then
  echo 'the CUDA add-on does not load here: building it' >&2
  g++ -std=c++17 -O2 -shared -fPIC -DNAPI_VERSION=8 -DNAPI_CPP_EXCEPTIONS -I"$folder/include/node" \
    -I"$folder/node_modules/node-addon-api" "$folder"/src/runtime/native/addon/*.cc -o "$addon" -ldl
fi

# results are written where the caller stands
module=$1; shift
[ "$module" != tests ] || module=tests.mjs
arguments=()
while [ $# -gt 0 ]; do
  arguments+=("$1")
  if [ "$1" = --json ] && [ $# -gt 1 ]; then shift; arguments+=("$(realpath -m -- "$1")"); fi
  shift
done
cd "$folder"
set -- "${arguments[@]+"${arguments[@]}"}"
exec ./node "$module" "$@"
