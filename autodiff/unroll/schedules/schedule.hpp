// Schedule: the order in which the steps of an unroll are advanced, stored, recomputed and reversed, as a
// stream of actions.
//
// A schedule depends on neither storage nor numerics. Steps are numbered 0 .. T-1; step t maps the state
// phi_t to phi_{t+1}. Executing a schedule (simulate.hpp, unroll.hpp) takes one current state, one adjoint
// and a row of slots, each with room for one state. Slots are used as a stack, so a tape, which is larger
// than a state, occupies consecutive slots from its own on. Slots 0 .. disk_slots-1 are on disk, the others
// in RAM.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace autodiff {

using Step = std::int64_t;
using Slot = std::int64_t;

/// One action; to_string() gives it as a phrase.
struct Action {
  enum class Kind : std::uint8_t {
    advance,   ///< run steps `step` .. `end`-1 forward: the current state phi_step becomes phi_end
    record,    ///< run step `step` forward and keep its tape from `slot` on: the current state becomes
               ///< phi_{step+1}
    reverse,   ///< propagate the adjoint of phi_{step+1} back through step `step` with the tape kept from
               ///< `slot` on; the tape is freed
    turn,      ///< run step `step` forward from the current state with the working tape, then reverse it at
               ///< once; the current state becomes phi_{step+1}
    store,     ///< copy the current state, phi_step, into `slot`
    load,      ///< copy phi_step from `slot` into the current state
    drop,      ///< the state in `slot` is no longer needed
    prefetch,  ///< start to read phi_step from `slot` on disk: it will be loaded next
  };
  Kind kind;
  Step step = 0;
  Step end = 0;   ///< of advance
  Slot slot = 0;  ///< of all but advance and turn
  bool operator==(const Action&) const = default;
};

/// "advance 3 to 7", "store 7 in slot 2", ...
std::string to_string(const Action& action);

struct Schedule {
  std::string name;     ///< "revolve", ...
  Step steps = 0;       ///< T
  Step window = 0;      ///< the adjoint restarts from zero every so many steps; T: full back-propagation
  Slot slots = 0;       ///< number of slots
  Slot disk_slots = 0;  ///< how many of them, from the first, are on disk
  Slot tape_slots = 0;  ///< rho: slots that a kept tape takes; 0: none is kept
  std::vector<Action> actions;
};

}  // namespace autodiff
