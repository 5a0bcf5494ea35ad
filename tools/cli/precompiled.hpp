// What nearly every source of the program includes, compiled once, like autodiff/precompiled.hpp.
#pragma once
#include <nlohmann/json.hpp>

#include "autodiff/precompiled.hpp"
