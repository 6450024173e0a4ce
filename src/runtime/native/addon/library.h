// Shared libraries that are opened at run time, and the functions of the three that we use.
//
// Invariant: a table is filled whole, under `loading`, before anything else of the add-on reads it, and stays for as long
// as the process lives: threads of JavaScript (workers) share it.
#pragma once
#include <mutex>
#include <string>
#include "abi/driver.h"
#include "abi/nccl.h"
#include "abi/nvrtc.h"

namespace tigon {

extern Driver driver;
extern Compiler compiler;
extern Nccl nccl;
extern std::mutex loading;

// An opened library; `problem` says why there is none.
struct Library {
  void* handle = nullptr;
  std::string problem;
};

Library openLibrary(const std::string& path);
void closeLibrary(const Library& library);
void* findSymbol(const Library& library, const char* name);
// Where the library that holds this function lies.
std::string pathOf(const void* function, const std::string& otherwise);

// Fills the table; gives the symbols that are needed and missing, split by spaces.
std::string findAll(const Library& library, Driver& table);
std::string findAll(const Library& library, Compiler& table);
std::string findAll(const Library& library, Nccl& table);

}  // namespace tigon
