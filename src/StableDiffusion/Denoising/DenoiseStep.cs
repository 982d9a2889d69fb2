using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>Where a denoising stands after a call.</summary>
/// <param name="Call">The call that was made, from 0.</param>
/// <param name="Timestep">The timestep that it was made at.</param>
/// <param name="Sample">The sample after the call; the memory is used on, so copy what is to be kept.</param>
internal readonly record struct DenoiseStep(int Call, float Timestep, Tensor Sample);
