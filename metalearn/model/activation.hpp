// The base model's activations as tape ops (specification section 4): leaky_relu has slope 0.2, step has zero
// derivative.
#pragma once
#include "autodiff/graph/graph.hpp"
#include "metalearn/model/rule_config.hpp"

namespace metalearn {

autodiff::Var activate(autodiff::Var z, Activation a);

}  // namespace metalearn
