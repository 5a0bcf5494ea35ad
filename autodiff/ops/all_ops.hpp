// All ops: the built-in ops of ops/ and those that users register. A new family adds a row to all_ops.cpp.
#pragma once
#include <vector>

namespace autodiff {

struct OpDef;

/// Registers a user's op and returns it; its address never changes. Throws std::invalid_argument if the
/// definition is incomplete or the name is taken, also by a built-in op that was not used yet.
const OpDef& register_op(OpDef op);

/// All built-in ops and all ops that a user registered.
std::vector<const OpDef*> all_ops();

}  // namespace autodiff
