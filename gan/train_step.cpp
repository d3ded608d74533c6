#include "gan/train_step.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "nn/loss.h"

namespace miniray {
namespace {

// Whatever a batch's size, its parts then have at least 2 samples, as batch norm needs.
constexpr std::int64_t kMinPassBatch = 3;

RandomKey dropout_key(const StepKey& key, NetworkStream stream) {
  return step_stream(key, RandomPurpose::kDropout, stream);
}

void scale(std::span<float> values, double factor) {
  if (factor == 1) return;
  for (float& value : values) value *= static_cast<float>(factor);
}

// In lanes, which add up side by side: one sum would wait for itself.
double norm(std::span<const float> values) {
  constexpr std::size_t kLanes = 16;
  std::array<double, kLanes> squares{};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      squares[lane] += static_cast<double>(values[i + lane]) * values[i + lane];
    }
  }
  for (; i < values.size(); ++i) squares[0] += static_cast<double>(values[i]) * values[i];
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

}  // namespace

StepBuffers::StepBuffers(const GanState& state, std::int64_t max_batch, std::int64_t passes,
                         const StepOptions& options)
    : pass_batch_(std::max(kMinPassBatch, (max_batch + passes - 1) / passes)),
      joint_(passes == 1 && !state.discriminator.plan().mixes_samples()),
      image_size_(state.spec.image_shape.elements()),
      latent_dim_(state.spec.latent_dim),
      images_({2 * max_batch, image_size_}),
      latents_({max_batch, latent_dim_}),
      labels_(state.spec.conditional() ? static_cast<std::size_t>(2 * max_batch) : 0),
      logits_({2 * pass_batch_}),
      logit_gradients_({2 * pass_batch_}),
      fake_gradients_({pass_batch_, image_size_}),
      generator_gradients_(state.generator.plan().parameters().buffer_size()),
      discriminator_gradients_(state.discriminator.plan().parameters().buffer_size()),
      discriminator_pass_(state.discriminator.plan(), joint_ ? 2 * pass_batch_ : pass_batch_,
                          PassUse::kForwardAndBackward, {.precision = state.precision}),
      generator_pass_(state.generator.plan(), pass_batch_, PassUse::kForwardAndBackward,
                      {.precision = state.precision, .lent = discriminator_pass_.memory()}) {
  if (options.augmentation.any()) {
    augmented_.emplace(Shape{joint_ ? 2 * pass_batch_ : pass_batch_, image_size_});
  }
  if (options.objective.penalises()) penalty_.emplace(state.discriminator.plan(), pass_batch_);
}

std::span<float> StepBuffers::real(std::int64_t batch) {
  return part(images_.span(), 0, batch * image_size_);
}

std::span<float> StepBuffers::latents(std::int64_t batch) {
  return part(latents_.span(), 0, batch * latent_dim_);
}

std::span<std::int32_t> StepBuffers::real_labels(std::int64_t batch) {
  return part(std::span(labels_), 0, batch);
}

std::span<std::int32_t> StepBuffers::fake_labels(std::int64_t batch) {
  return part(std::span(labels_), batch, batch);
}

// The two halves of a step over its shared pieces.
class StepRunner {
 public:
  StepRunner(const ThreadBudget& threads, const StepKey& key, std::int64_t batch, GanState& state,
             StepBuffers& buffers, const StepOptions& options)
      : threads_(threads),
        key_(key),
        batch_(batch),
        passes_((batch + buffers.pass_batch_ - 1) / buffers.pass_batch_),
        state_(state),
        buffers_(buffers),
        options_(options) {}

  StepResult run() {
    try {
      return both_halves();
    } catch (...) {  // what is added up by then is none of the next step's
      std::ranges::fill(buffers_.generator_gradients_.span(), 0.0F);
      std::ranges::fill(buffers_.discriminator_gradients_.span(), 0.0F);
      throw;
    }
  }

 private:
  StepResult both_halves() {
    StepResult result;
    if (buffers_.joint_) {
      generate(whole());
      update_discriminator(result);
    } else {
      update_discriminator_apart(result);
    }
    if (options_.train_generator) update_generator(result);
    return result;
  }

  // Samples of the batch that go through the networks together.
  struct Part {
    std::int64_t begin, size;
  };

  Part whole() const { return {0, batch_}; }
  Part part_of(std::int64_t pass) const {
    const std::int64_t begin = pass * batch_ / passes_;
    return {begin, (pass + 1) * batch_ / passes_ - begin};
  }

  void generate(const Part& samples) {
    state_.generator.forward(generator_context(samples), samples.size, latents(samples),
                             fake(samples), buffers_.generator_pass_);
    state_.generator.update_statistics(samples.size, buffers_.generator_pass_);
  }

  // Where D takes each sample for itself, real and fake pass through it as one batch with equal
  // gradients.
  void update_discriminator(StepResult& result) {
    // In the random streams stand the real samples of all workers, then the fake ones.
    const PassContext context{threads_,
                              true,
                              dropout_key(key_, kDiscriminatorStream),
                              {.first = key_.samples.first,
                               .split = batch_,
                               .second = key_.samples.total + key_.samples.first},
                              labels(0, 2 * batch_)};
    const auto images =
        seen(context, part(buffers_.images_.span(), 0, 2 * batch_ * buffers_.image_size_));
    const auto logits = part(buffers_.logits_.span(), 0, 2 * batch_);
    const auto dlogits = part(buffers_.logit_gradients_.span(), 0, 2 * batch_);
    state_.discriminator.forward(context, 2 * batch_, images, logits, buffers_.discriminator_pass_);
    const std::span<const float> real = part(logits, 0, batch_);
    const std::span<const float> fake = part(logits, batch_, batch_);
    result.d_loss = discriminator_loss(objective(), true, real, part(dlogits, 0, batch_)) +
                    discriminator_loss(objective(), false, fake, part(dlogits, batch_, batch_));
    result.d_real = mean_opinion(objective(), real);
    result.d_fake = mean_opinion(objective(), fake);
    const Pass pass{context, 2 * batch_, images, logits, dlogits};
    Network<float>& network = state_.discriminator;
    if (penalises()) {
      backward(pass, network, buffers_.discriminator_gradients_, buffers_.discriminator_pass_,
               nullptr);
      result.d_loss += penalise(whole());
      result.d_gradient_norm =
          take(network, state_.discriminator_adam, buffers_.discriminator_gradients_);
    } else {
      result.d_gradient_norm =
          train(pass, network, state_.discriminator_adam, buffers_.discriminator_gradients_,
                buffers_.discriminator_pass_);
    }
    network.update_statistics(2 * batch_, buffers_.discriminator_pass_);
  }

  // Real, then fake of each part, on their own; their gradients add up.
  void update_discriminator_apart(StepResult& result) {
    for (std::int64_t pass = 0; pass < passes_; ++pass) {
      const Part samples = part_of(pass);
      generate(samples);
      result.d_loss += judge(true, samples, result.d_real) + judge(false, samples, result.d_fake);
      result.d_loss += penalise(samples);
    }
    result.d_gradient_norm =
        take(state_.discriminator, state_.discriminator_adam, buffers_.discriminator_gradients_);
  }

  bool penalises() const { return wgan_gp() || r1_factor() > 0; }
  bool wgan_gp() const { return objective().loss == Loss::kWganGp; }
  double r1_factor() const { return objective().r1_factor(key_.step); }

  // Adds the gradients of these samples' part of the penalties, and returns that part.
  double penalise(const Part& samples) {
    double sum = 0;
    // Real samples go through D as they did before: with the same masks.
    const auto add = [&](std::int64_t use, std::span<const float> x, double factor, double target) {
      sum += buffers_.penalty_->add(state_.discriminator, discriminator_context(samples, use),
                                    samples.size, x, factor / static_cast<double>(batch_), target,
                                    buffers_.discriminator_gradients_.span());
    };
    const auto seen_as = [&](std::int64_t use, std::span<const float> images) {
      return seen(discriminator_context(samples, use), images);
    };
    if (r1_factor() > 0) add(0, seen_as(0, real(samples)), r1_factor(), 0);
    if (!wgan_gp()) return sum;
    const auto mixed = buffers_.penalty_->samples(samples.size);
    std::ranges::copy(seen_as(0, real(samples)), mixed.begin());
    interpolate(threads_, step_stream(key_, RandomPurpose::kInterpolation),
                key_.samples.first + samples.begin, samples.size, seen_as(1, fake(samples)), mixed);
    add(3, mixed, objective().penalties.gp_weight, 1);
    return sum;
  }

  // Adds D's gradients for one kind of samples; returns their part of the loss. mean: of D's
  // opinions of the batch, to which these add.
  double judge(bool real, const Part& samples, double& mean) {
    const PassContext context = discriminator_context(samples, real ? 0 : 1);
    const auto images = seen(context, real ? this->real(samples) : fake(samples));
    const auto logits = part(buffers_.logits_.span(), 0, samples.size);
    const auto dlogits = part(buffers_.logit_gradients_.span(), 0, samples.size);
    Network<float>& network = state_.discriminator;
    network.forward(context, samples.size, images, logits, buffers_.discriminator_pass_);
    mean += weight(samples) * mean_opinion(objective(), logits);
    const double loss = discriminator_loss(objective(), real, logits, dlogits);
    scale(dlogits, weight(samples));
    network.backward(context, samples.size, images, logits, dlogits, {},
                     buffers_.discriminator_gradients_.span(), buffers_.discriminator_pass_);
    network.update_statistics(samples.size, buffers_.discriminator_pass_);
    return weight(samples) * loss;
  }

  // Pictures as D sees them in a pass; valid until the next.
  std::span<const float> seen(const PassContext& context, std::span<const float> images) {
    if (!options_.augmentation.any()) return images;
    const auto augmented =
        part(buffers_.augmented_->span(), 0, static_cast<std::int64_t>(images.size()));
    augment(threads_, options_.augmentation, augment_key(), context.samples,
            state_.spec.image_shape, images, augmented);
    return augmented;
  }

  void update_generator(StepResult& result) {
    if (passes_ == 1) {
      const Pass pass = pass_through_discriminator(whole(), result);
      result.g_gradient_norm = train(pass, state_.generator, state_.generator_adam,
                                     buffers_.generator_gradients_, buffers_.generator_pass_);
      return;
    }
    for (std::int64_t i = 0; i < passes_; ++i) {
      const Part samples = part_of(i);
      // Once more: what backward needs of this part has made way for the next.
      state_.generator.forward(generator_context(samples), samples.size, latents(samples),
                               fake(samples), buffers_.generator_pass_);
      backward(pass_through_discriminator(samples, result), state_.generator,
               buffers_.generator_gradients_, buffers_.generator_pass_, nullptr);
    }
    result.g_gradient_norm =
        take(state_.generator, state_.generator_adam, buffers_.generator_gradients_);
  }

  // A pass that forward has made, and the gradient of its output.
  struct Pass {
    PassContext context;
    std::int64_t batch;
    std::span<const float> x, y, dy;
  };

  // Fakes through the updated D, without gradients of its own: G's pass, back to its output.
  Pass pass_through_discriminator(const Part& samples, StepResult& result) {
    const PassContext context = discriminator_context(samples, 2);
    const auto images = seen(context, fake(samples));
    const auto logits = part(buffers_.logits_.span(), 0, samples.size);
    const auto dlogits = part(buffers_.logit_gradients_.span(), 0, samples.size);
    const auto dfake =
        part(buffers_.fake_gradients_.span(), 0, samples.size * buffers_.image_size_);
    Network<float>& network = state_.discriminator;
    network.forward(context, samples.size, images, logits, buffers_.discriminator_pass_);
    result.g_loss += weight(samples) * generator_loss(objective(), logits, dlogits);
    scale(dlogits, weight(samples));
    network.backward(context, samples.size, images, logits, dlogits, dfake, {},
                     buffers_.discriminator_pass_);
    if (options_.augmentation.any()) {
      augment_backward(threads_, options_.augmentation, augment_key(), context.samples,
                       state_.spec.image_shape, dfake);
    }
    network.update_statistics(samples.size, buffers_.discriminator_pass_);
    return {generator_context(samples), samples.size, latents(samples), fake(samples), dfake};
  }

  static void backward(const Pass& pass, const Network<float>& network,
                       FlatBuffer<float>& gradients, PassBuffers<float>& buffers,
                       const ParameterUpdate<float>* update) {
    network.backward(pass.context, pass.batch, pass.x, pass.y, pass.dy, {}, gradients.span(),
                     buffers, update);
  }

  // The network's update from the gradients of a pass, in one go where nobody else wants them. The
  // gradients' norm, if asked for.
  std::optional<double> train(const Pass& pass, Network<float>& network, Adam<float>& adam,
                              FlatBuffer<float>& gradients, PassBuffers<float>& buffers) {
    if (!options_.hook && !options_.gradient_norms && options_.clip_norm == 0) {
      const ParameterUpdate<float> update = adam.begin_update(network.parameters());
      backward(pass, network, gradients, buffers, &update);
      return std::nullopt;
    }
    backward(pass, network, gradients, buffers, nullptr);
    return take(network, adam, gradients);
  }

  // The network's update from gradients that stand complete, and their norm before they are
  // clipped, if asked for.
  std::optional<double> take(Network<float>& network, Adam<float>& adam,
                             FlatBuffer<float>& gradients) {
    if (options_.hook) options_.hook(gradients.span());
    std::optional<double> size;
    if (options_.gradient_norms || options_.clip_norm > 0) {
      size = norm(gradients.span());  // Adam leaves zeros behind
    }
    if (options_.clip_norm > 0 && *size > options_.clip_norm) {
      scale(gradients.span(), options_.clip_norm / *size);
    }
    adam.step(threads_, network.parameters(), gradients.span());
    return options_.gradient_norms ? size : std::nullopt;
  }

  const Objective& objective() const { return options_.objective; }
  RandomKey augment_key() const { return step_stream(key_, RandomPurpose::kAugment); }
  // Of these samples in a mean over the batch.
  double weight(const Part& samples) const {
    return static_cast<double>(samples.size) / static_cast<double>(batch_);
  }
  PassContext generator_context(const Part& samples) const {
    return {threads_,
            true,
            dropout_key(key_, kGeneratorStream),
            {.first = key_.samples.first + samples.begin},
            labels(batch_ + samples.begin, samples.size)};
  }
  // In D's random streams stand the real samples of all workers, then the fake ones of D's half,
  // then those of G's, then interpolated ones: use 0, 1, 2, 3. The latter are of the real one's
  // class.
  PassContext discriminator_context(const Part& samples, std::int64_t use) const {
    return {threads_,
            true,
            dropout_key(key_, kDiscriminatorStream),
            {.first = use * key_.samples.total + key_.samples.first + samples.begin},
            labels((use == 0 || use == 3 ? 0 : batch_) + samples.begin, samples.size)};
  }
  // As images_ stand: those of real pictures, then of fakes.
  std::span<const std::int32_t> labels(std::int64_t begin, std::int64_t size) const {
    if (buffers_.labels_.empty()) return {};
    return part(std::span<const std::int32_t>(buffers_.labels_), begin, size);
  }
  std::span<const float> latents(const Part& samples) const {
    const std::int64_t size = buffers_.latent_dim_;
    return part(buffers_.latents_.span(), samples.begin * size, samples.size * size);
  }
  std::span<const float> real(const Part& samples) const {
    const std::int64_t size = buffers_.image_size_;
    return part(buffers_.images_.span(), samples.begin * size, samples.size * size);
  }
  std::span<float> fake(const Part& samples) const {
    const std::int64_t size = buffers_.image_size_;
    return part(buffers_.images_.span(), (batch_ + samples.begin) * size, samples.size * size);
  }

  const ThreadBudget& threads_;
  const StepKey key_;
  const std::int64_t batch_, passes_;
  GanState& state_;
  StepBuffers& buffers_;
  const StepOptions& options_;
};

StepResult train_step(const ThreadBudget& threads, const StepKey& key, std::int64_t batch,
                      GanState& state, StepBuffers& buffers, const StepOptions& options) {
  return StepRunner(threads, key, batch, state, buffers, options).run();
}

}  // namespace miniray
