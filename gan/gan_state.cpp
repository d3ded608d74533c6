#include "gan/gan_state.h"

#include <memory>
#include <string>
#include <utility>

namespace miniray {
namespace {

Network<float> initialised(std::shared_ptr<const NetworkPlan<float>> plan, std::uint64_t seed,
                           NetworkStream stream) {
  Network<float> network(std::move(plan));
  network.init(seed, stream);
  return network;
}

Adam<float> adam_of(const Network<float>& network, const AdamOptions& options, Precision precision,
                    std::uint64_t seed, NetworkStream stream) {
  const RandomKey random{.seed = seed, .purpose = RandomPurpose::kMoments, .variant = stream};
  return {options, network.plan().parameters().buffer_size(), {precision, random}};
}

void declare_network(const std::string& name, Network<float>& network, StateFields& fields,
                     const Network<float>* otherwise = nullptr) {
  using Numbers = std::span<const float>;
  fields.add(name + ".parameters", network.parameters(),
             otherwise != nullptr ? otherwise->parameters() : Numbers());
  fields.add(name + ".statistics", network.statistics(),
             otherwise != nullptr ? otherwise->statistics() : Numbers());
}

}  // namespace

GanState::GanState(const GanSpec& gan_spec, const AdamOptions& generator_options,
                   const AdamOptions& discriminator_options, std::uint64_t seed,
                   Precision gan_precision)
    : spec(gan_spec),
      precision(gan_precision),
      generator(initialised(make_generator_plan(spec), seed, kGeneratorStream)),
      discriminator(initialised(make_discriminator_plan(spec), seed, kDiscriminatorStream)),
      generator_adam(adam_of(generator, generator_options, precision, seed, kGeneratorStream)),
      discriminator_adam(
          adam_of(discriminator, discriminator_options, precision, seed, kDiscriminatorStream)) {}

void GanNetworks::declare(const std::string& name, const GanState& otherwise, StateFields& fields) {
  declare_network(name + ".generator", generator, fields, &otherwise.generator);
  declare_network(name + ".discriminator", discriminator, fields, &otherwise.discriminator);
}

void GanState::declare(StateFields& fields) {
  declare_network("generator", generator, fields);
  declare_network("discriminator", discriminator, fields);
  generator_adam.declare("generator_adam", fields);
  discriminator_adam.declare("discriminator_adam", fields);
  if (generator_average) declare_network("generator_average", *generator_average, fields);
}

}  // namespace miniray
