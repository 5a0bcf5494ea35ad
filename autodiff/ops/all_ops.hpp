// All ops: those of ops/ and those that users register. A new family adds its row to all_ops.cpp.
#pragma once
#include <vector>

namespace autodiff {

struct OpDef;

/// Registers an op of the user's own and returns it, at an address that stays. Throws std::invalid_argument
/// if the definition is incomplete or the name is taken, also by a built-in op that was not used yet.
const OpDef& register_op(OpDef op);

/// Every op known: the built-in ones and those that a user registered.
std::vector<const OpDef*> all_ops();

}  // namespace autodiff
