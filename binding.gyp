# The CUDA add-on. It needs no CUDA to be built, and none to be loaded.
# Built by `npm run build:native`; installing the package never compiles.
{
  "targets": [
    {
      "target_name": "tigon",
      "sources": [
        "src/runtime/native/addon/addon.cc",
        "src/runtime/native/addon/arguments.cc",
        "src/runtime/native/addon/collectives.cc",
        "src/runtime/native/addon/compile.cc",
        "src/runtime/native/addon/copies.cc",
        "src/runtime/native/addon/devices.cc",
        "src/runtime/native/addon/errors.cc",
        "src/runtime/native/addon/graphs.cc",
        "src/runtime/native/addon/libraries.cc",
        "src/runtime/native/addon/library.cc",
        "src/runtime/native/addon/memory.cc",
        "src/runtime/native/addon/modules.cc",
        "src/runtime/native/addon/objects.cc",
        "src/runtime/native/addon/staging.cc",
        "src/runtime/native/addon/state.cc",
        "src/runtime/native/addon/streams.cc",
        "src/runtime/native/addon/tensor_maps.cc"
      ],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS"],
      "cflags": ["-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags!": ["-fno-exceptions", "-Wno-unused-parameter"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags_cc": ["-std=c++17", "-isystem<(module_root_dir)/node_modules/node-addon-api"],
      "conditions": [["OS=='linux'", {"libraries": ["-ldl"]}]]
    }
  ]
}
